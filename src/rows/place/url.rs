//! From a URL to a store: `file://` and folders, `s3://`, `gs://`, `az://`.

use super::client::{OurTls, retries};
use super::{PlaceError, told};
use crate::store::atomic::doing;
use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use reqwest::Url;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A store, where in it, and how that is told.
pub(super) struct Opened {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) prefix: ObjectPath,
    pub(super) shown: String,
    /// The folder that it is, where it is one.
    pub(super) folder: Option<PathBuf>,
}

/// Opens the store of a URL; a folder is made where `is_made`.
pub(super) fn open(text: &str, is_made: bool) -> Result<Opened, PlaceError> {
    let Some((scheme, _)) = text.split_once("://") else {
        return folder(Path::new(text), is_made);
    };
    let shown = without_secrets(text);
    let wrong = |what: &str| PlaceError::Url { shown: shown.clone(), what: what.to_owned() };
    let url = Url::parse(text).map_err(|error| wrong(&format!("it is no URL: {error}")))?;
    let is_azure = matches!(scheme, "az" | "azure" | "abfs" | "abfss" | "adl");
    if url.password().is_some() || (!url.username().is_empty() && !is_azure) {
        return Err(wrong("keys belong into the environment (AWS_..., GOOGLE_..., AZURE_...)"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("a place has no `?` and no `#`"));
    }
    if scheme == "file" {
        let path = url.to_file_path().map_err(|()| wrong("write file:///the/folder"))?;
        return folder(&path, is_made);
    }
    let prefix =
        ObjectPath::from_url_path(url.path()).map_err(|error| wrong(&error.to_string()))?;
    let unset = |error: object_store::Error| wrong(&told::told(&error));
    let store: Arc<dyn ObjectStore> = match scheme {
        "s3" | "s3a" => Arc::new(
            AmazonS3Builder::from_env()
                .with_url(text)
                .with_retry(retries())
                .with_http_connector(OurTls)
                .build()
                .map_err(unset)?,
        ),
        "gs" => Arc::new(
            GoogleCloudStorageBuilder::from_env()
                .with_url(text)
                .with_retry(retries())
                .with_http_connector(OurTls)
                .build()
                .map_err(unset)?,
        ),
        _ if is_azure => Arc::new(
            MicrosoftAzureBuilder::from_env()
                .with_url(text)
                .with_retry(retries())
                .with_http_connector(OurTls)
                .build()
                .map_err(unset)?,
        ),
        _ => return Err(wrong("it is none of file://, s3://, gs://, az:// and no folder")),
    };
    let shown = shown.trim_end_matches('/').to_owned();
    Ok(Opened { store, prefix, shown, folder: None })
}

fn folder(path: &Path, is_made: bool) -> Result<Opened, PlaceError> {
    let path: PathBuf = std::path::absolute(path).map_err(doing("find", path))?;
    let shown = told::escaped(&path.display().to_string());
    if is_made {
        std::fs::create_dir_all(&path).map_err(doing("make", &path))?;
    } else if !path.exists() {
        return Err(PlaceError::Missing(shown));
    } else if !path.is_dir() {
        let what = "it is a file, and a place is a folder or a bucket".to_owned();
        return Err(PlaceError::Url { shown, what });
    }
    let store = LocalFileSystem::new_with_prefix(&path);
    let store = store
        .map_err(|error| PlaceError::Url { shown: shown.clone(), what: told::told(&error) })?
        .with_fsync(true);
    let (store, prefix) = (Arc::new(store), ObjectPath::default());
    Ok(Opened { store, prefix, shown, folder: Some(path) })
}

/// What of a URL may be shown: neither who nor a question.
fn without_secrets(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = match host.rsplit_once('@') {
        Some((who, host)) if who.contains(':') => host,
        _ => host,
    };
    told::escaped(&format!("{scheme}://{host}/{path}")).trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        open(url, false).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_place_is_refused_with_what_to_write_instead() {
        assert!(refused("ftp://host/x").contains("none of file://, s3://"));
        assert!(refused("s3://bucket/x?versionId=7").contains("no `?`"));
        assert!(refused("/nowhere/at/all").contains("is not there"));
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(refused(file.path().to_str().unwrap()).contains("it is a file"));
    }

    #[test]
    fn a_key_in_a_url_is_refused_and_not_shown() {
        let told = refused("s3://AKIAX:hunter2@bucket/rows");
        assert!(told.contains("environment") && told.contains("bucket"), "{told}");
        assert!(!told.contains("hunter2") && !told.contains("AKIAX"), "{told}");
    }
}
