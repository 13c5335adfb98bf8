"""What a bench kit runs on another device: copied into it as it is, so that these files import no others of ours."""
