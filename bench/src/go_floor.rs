//! The client in Go (`bench/go-floor`), where there is a Go to build it with.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
};

use crate::cost::Error;

/// Its program, and the Go that it was built with.
pub struct GoFloor {
    program: PathBuf,
    version: String,
}

impl GoFloor {
    /// Builds it beside this program; none where Go is not installed. It has no requirements, so nothing is fetched.
    pub fn build() -> Result<Option<Self>, Error> {
        let version = match Command::new("go").args(["env", "GOVERSION"]).output() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            output => String::from_utf8(output?.stdout)?.trim().to_owned(),
        };
        let program = std::env::current_exe()?.with_file_name("go-floor");
        let output = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("go-floor"))
            .env("GOPROXY", "off")
            .output()?;
        if !output.status.success() {
            return Err(format!("go build: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
        }
        Ok(Some(Self { program, version }))
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    pub fn version(&self) -> &str {
        &self.version
    }
}
