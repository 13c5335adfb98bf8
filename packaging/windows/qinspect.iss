; Inno Setup: iscc /DVersion=0.1.0 packaging\windows\qinspect.iss (packaging\windows\freeze.ps1 does it)
[Setup]
AppId=org.qinspect.QInspect
AppName=qinspect
AppVersion={#Version}
DefaultDirName={autopf}\qinspect
DefaultGroupName=qinspect
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
PrivilegesRequired=lowest
ChangesAssociations=yes
Compression=lzma2/fast
SourceDir=..\..
OutputDir=dist
OutputBaseFilename=qinspect-{#Version}-setup
LicenseFile=LICENSE

[Files]
Source: "dist\qinspect\*"; DestDir: "{app}"; Flags: recursesubdirs

[Icons]
Name: "{group}\qinspect"; Filename: "{app}\qinspectw.exe"

[Registry]
Root: HKA; Subkey: "Software\Classes\.qinspect"; ValueType: string; ValueData: "org.qinspect.session"; Flags: uninsdeletevalue
Root: HKA; Subkey: "Software\Classes\org.qinspect.session"; ValueType: string; ValueData: "qinspect session"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\org.qinspect.session\DefaultIcon"; ValueType: string; ValueData: "{app}\qinspectw.exe,0"
Root: HKA; Subkey: "Software\Classes\org.qinspect.session\shell\open\command"; ValueType: string; ValueData: """{app}\qinspectw.exe"" ""%1"""
