# Build the frozen application on Windows, try it, and make a setup program where Inno Setup is installed.
#
#   powershell -ExecutionPolicy Bypass -File packaging\windows\freeze.ps1
#
# Needs Python 3.11 or newer from python.org. packaging\README.md says what was run where.
$ErrorActionPreference = "Stop"
$root = (Resolve-Path "$PSScriptRoot\..\..").Path
Set-Location $root

function Invoke-Checked { & $args[0] @($args[1..($args.Length - 1)]); if ($LASTEXITCODE -ne 0) { throw "$args failed" } }

if (-not (Test-Path .venv)) { Invoke-Checked py -3 -m venv .venv }
$python = "$root\.venv\Scripts\python.exe"
# On Windows the torch of the package index is the CPU build.
Invoke-Checked $python -m pip install -q --editable . "pyinstaller>=6.11"
$env:QT_API = "pyside6"
Invoke-Checked $python -m PyInstaller --noconfirm --log-level WARN --distpath dist --workpath build packaging\qinspect.spec

# An environment without settings and without a Python.
$place = Join-Path ([IO.Path]::GetTempPath()) ([guid]::NewGuid())
New-Item -ItemType Directory $place | Out-Null
$before = @{ PATH = $env:PATH; APPDATA = $env:APPDATA; LOCALAPPDATA = $env:LOCALAPPDATA }
try {
    $env:PATH = "$env:SystemRoot\System32"
    $env:APPDATA = $env:LOCALAPPDATA = $place
    $env:QT_QPA_PLATFORM = "offscreen"
    Invoke-Checked dist\qinspect\qinspect.exe --version
    Invoke-Checked dist\qinspect\qinspect.exe demo --headless --out "$place\demo"
    foreach ($file in "report.html", "analysis.json", "plan.json", "screenshot.png") {
        if (-not (Test-Path "$place\demo\$file")) { throw "the frozen demo wrote no $file" }
    }
} finally {
    foreach ($name in $before.Keys) { Set-Item "env:$name" $before[$name] }
    Remove-Item env:QT_QPA_PLATFORM -ErrorAction SilentlyContinue
    Remove-Item -Recurse -Force $place
}

$version = (& $python -c "import qinspect; print(qinspect.__version__)")
$inno = Get-Command iscc -ErrorAction SilentlyContinue
if ($inno) { Invoke-Checked $inno.Source "/DVersion=$version" packaging\windows\qinspect.iss }
else { Write-Host "dist\qinspect is ready; with Inno Setup (iscc) on the PATH it becomes a setup program" }
