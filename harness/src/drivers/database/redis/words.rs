//! What Redis says, read: neighbours, fields of `INFO`, and who is connected.

use crate::retrieval::best::Neighbour;
use redis::Value;

/// The answer of `VSIM .. WITHSCORES`: row numbers and scores in turn, best first.
///
/// # Errors
/// What it is instead.
pub(super) fn neighbours(answer: &Value) -> Result<Vec<Neighbour>, String> {
    let Value::Array(items) = answer else {
        return Err("the answer of VSIM is no list".to_owned());
    };
    let (pairs, rest) = items.as_chunks::<2>();
    match rest {
        [] => pairs.iter().map(neighbour).collect(),
        _ => Err(format!("{} items are no pairs of a row and its score", items.len())),
    }
}

fn neighbour([id, score]: &[Value; 2]) -> Result<Neighbour, String> {
    let id = text(id).and_then(|id| id.parse().ok()).ok_or("a row number that is none of ours")?;
    let score = text(score).and_then(|score| score.parse::<f32>().ok());
    let score = score.filter(|score| !score.is_nan()).ok_or("a score that is no number")?;
    Ok(Neighbour { id, score })
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

/// A field of `INFO`: `redis_version:8.2.3`.
pub(super) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
}

/// The numbers of the connections in `CLIENT LIST` that bear a name.
pub(super) fn clients_of<'a>(list: &'a str, name: &'a str) -> impl Iterator<Item = u64> + 'a {
    list.lines().filter_map(move |line| {
        let value = |key: &str| line.split(' ').find_map(|part| part.strip_prefix(key));
        (value("name=") == Some(name)).then(|| value("id=")?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn rows_and_scores_come_in_turn() {
        let answer = Value::Array(["7", "0.99", "12", "0.5"].map(bulk).to_vec());
        let found = neighbours(&answer).unwrap();
        assert_eq!(found.iter().map(|it| it.id).collect::<Vec<_>>(), [7, 12]);
        assert_eq!(found[1].score, 0.5);
        assert_eq!(neighbours(&Value::Array(Vec::new())), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_answer_is_said() {
        let refused = |items: &[&str]| {
            let items = items.iter().map(|item| bulk(item)).collect();
            neighbours(&Value::Array(items)).unwrap_err()
        };
        assert!(refused(&["7"]).contains("no pairs"));
        assert!(refused(&["seven", "1"]).contains("row number"));
        assert!(refused(&["-1", "1"]).contains("row number"));
        assert!(refused(&["7", "nan"]).contains("no number"));
        assert!(neighbours(&Value::Nil).is_err());
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let info = "# Server\r\nredis_version_x:1\r\nredis_version:8.2.3\r\n";
        assert_eq!(field(info, "redis_version"), Some("8.2.3"));
        assert_eq!(field(info, "version"), None);
    }

    #[test]
    fn connections_are_found_by_their_whole_name() {
        let list =
            "id=3 addr=127.0.0.1:1 laddr=x name=a fd=8\nid=4 addr=y name=ab fd=9\nid=5 name=a\n";
        assert_eq!(clients_of(list, "a").collect::<Vec<_>>(), [3, 5]);
        assert_eq!(clients_of(list, "").count(), 0);
    }
}
