//! What others push: raw lines and the end of a run, kept by `crate::store::received`, for those who show the
//! write token.

use super::house::House;
use super::problem::Problem;
use super::query::quoted;
use super::reply::Reply;
use super::route::{Asked, JSON};
use crate::push::{Concluded, Here};
use crate::report::comparison;
use crate::store::received::{Announced, NotTaken, Received, conclude, receive};
use crate::store::{Fingerprint, StoreError};
use axum::body::{Body, Bytes, to_bytes};
use serde::Serialize;
use std::io::ErrorKind;
use std::time::Duration;
use tokio::time::timeout;

/// Under what everything is kept.
pub(super) const UNDER: &str = "/v1/push/";
/// How long a part may take to come.
const COMES: Duration = Duration::from_secs(30);
/// Most bytes of one.
pub(super) const PART: usize = crate::push::PART as usize;

/// The text of a request, which the door has seen is no longer than a part.
pub(super) async fn body(body: Body) -> Result<Bytes, Problem> {
    let late = |_| Problem::bad("the part did not come in time: send it again");
    let cut = |_| Problem::bad("the part did not come whole: send it again");
    timeout(COMES, to_bytes(body, PART)).await.map_err(late)?.map_err(cut)
}

/// Keeps a part of an epoch's lines.
pub(super) fn part(house: &House, asked: &Asked, part: &[u8]) -> Result<Reply, Problem> {
    let count = |name| asked.query.count(name).unwrap_or_default();
    let sha256 = asked.query.owned("sha256").unwrap_or_default();
    let announced = Announced {
        test_id: asked.name.clone(),
        file: Fingerprint { bytes: count("bytes"), sha256 },
    };
    let bytes = receive(&house.layout, &announced, count("offset"), part)?;
    told(&Here { bytes })
}

/// Makes the rows of a run whose lines are here.
pub(super) fn run(house: &House, asked: &Asked, _: &[u8]) -> Result<Reply, Problem> {
    let Received { epochs, cases } = conclude(&house.layout, &asked.name, &comparison::markdown)?;
    told(&Concluded { epochs, cases })
}

fn told(answer: &impl Serialize) -> Result<Reply, Problem> {
    let text = serde_json::to_string(answer).map_err(|error| Problem::fault(&error))?;
    Ok(Reply::of(JSON, text))
}

impl From<NotTaken> for Problem {
    fn from(why: NotTaken) -> Self {
        let detail = why.to_string();
        match why {
            NotTaken::Name(name) => Self::bad(format!("`{}` is no name", quoted(&name))),
            NotTaken::Announcement | NotTaken::Beyond(_) => Self::bad(detail),
            NotTaken::Unknown(_) => Self::absent(detail),
            NotTaken::Busy(_) => Self::busy("somebody else sends it: ask again later"),
            NotTaken::Differs(_) => Self::conflict(detail),
            NotTaken::NotTheSame(_) | NotTaken::Unreadable { .. } => Self::unreadable(detail),
            NotTaken::Store(StoreError::InUse { .. }) => {
                Self::busy("the results are being put in order: ask again later")
            }
            NotTaken::Store(StoreError::File(error)) if is_full(error.source.kind()) => {
                Self::full(&error)
            }
            NotTaken::Store(error) => Self::fault(&error),
        }
    }
}

fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}
