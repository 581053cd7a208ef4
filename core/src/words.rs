//! The common words of synthetic prompts.
//!
//! Each is a single token in the usual byte-pair vocabularies when it follows a space, and a token
//! of its own in the embedded driver's synthetic models. So a prompt of N of them is N tokens there
//! and about N tokens on any server. How prompts are drawn from them does not live here.

/// 512 common English words in alphabetical order: lower case, 2 to 8 letters, none twice.
///
/// The list is part of what a baseline measured: another list makes other prompts.
#[rustfmt::skip]
pub const WORDS: &[&str] = &[
    "able", "about", "act", "after", "age", "ago", "all", "alone", "also", "am", "among", "and",
    "another", "any", "appear", "area", "art", "ask", "away", "baby", "ball", "bank", "be", "beat",
    "became", "become", "been", "began", "begin", "being", "below", "better", "between", "bird",
    "blow", "board", "body", "bone", "born", "bottom", "boy", "bread", "bright", "broad", "brought",
    "build", "busy", "buy", "call", "camp", "can", "captain", "card", "carry", "cat", "catch",
    "cause", "center", "century", "certain", "chance", "chart", "chief", "children", "choose",
    "circle", "claim", "clean", "clear", "clock", "clothes", "coast", "cold", "color", "common",
    "complete", "contain", "control", "cook", "copy", "corner", "cost", "could", "country", "cover",
    "cross", "cry", "current", "dance", "daughter", "deal", "dear", "deep", "desert", "develop",
    "differ", "dinner", "discuss", "divide", "doctor", "does", "dollar", "door", "down", "dream",
    "dress", "drive", "dry", "each", "ear", "earth", "east", "edge", "egg", "eight", "electric",
    "else", "energy", "engine", "enter", "even", "event", "every", "exact", "excite", "expect",
    "face", "fact", "fall", "famous", "farm", "father", "favor", "feed", "feet", "felt", "few",
    "figure", "final", "fine", "finish", "fire", "fish", "five", "floor", "flow", "fly", "food",
    "for", "forest", "form", "found", "free", "friend", "front", "fruit", "fun", "garden", "gather",
    "gave", "gentle", "girl", "glad", "go", "gold", "good", "govern", "grass", "gray", "green",
    "ground", "grow", "guide", "had", "half", "happen", "hard", "has", "have", "head", "heard",
    "heat", "heavy", "help", "here", "hill", "him", "history", "hold", "home", "horse", "hot",
    "house", "huge", "hundred", "hurry", "idea", "imagine", "inch", "indicate", "industry",
    "instant", "is", "it", "job", "joy", "just", "kept", "kind", "king", "know", "land", "large",
    "last", "laugh", "lay", "learn", "leave", "led", "leg", "less", "letter", "lie", "life",
    "light", "line", "list", "listen", "live", "log", "look", "lot", "loud", "low", "made", "major",
    "make", "many", "mark", "master", "material", "matter", "me", "measure", "meet", "melody",
    "metal", "middle", "mile", "million", "mind", "minute", "mix", "moment", "money", "moon",
    "morning", "mother", "mount", "mountain", "move", "multiply", "must", "my", "nation", "nature",
    "neck", "never", "new", "night", "no", "noon", "nor", "nose", "nothing", "noun", "number",
    "object", "occur", "of", "offer", "office", "oh", "old", "once", "only", "open", "or", "organ",
    "other", "our", "over", "oxygen", "paint", "paper", "parent", "party", "past", "pattern",
    "people", "perhaps", "person", "pick", "piece", "pitch", "plain", "plane", "plant", "please",
    "plural", "point", "populate", "pose", "position", "post", "power", "prepare", "press",
    "pretty", "probable", "process", "product", "proper", "protect", "provide", "push", "question",
    "quick", "quite", "radio", "rain", "raise", "range", "reach", "ready", "reason", "receive",
    "red", "remember", "reply", "require", "result", "ride", "ring", "river", "road", "roll",
    "root", "rose", "round", "rub", "run", "said", "salt", "same", "sat", "saw", "scale", "school",
    "score", "search", "seat", "section", "see", "seem", "select", "sell", "sense", "sent",
    "separate", "set", "seven", "several", "shape", "sharp", "sheet", "shine", "ship", "shop",
    "should", "shout", "show", "sight", "silent", "similar", "since", "sing", "sister", "six",
    "skill", "skin", "sleep", "small", "smile", "so", "soft", "solution", "some", "song", "soon",
    "south", "speak", "speech", "spell", "spend", "spot", "spring", "stand", "star", "state",
    "stay", "steel", "stick", "still", "stood", "store", "straight", "strange", "street", "string",
    "student", "subject", "success", "sudden", "suggest", "summer", "sun", "support", "surface",
    "swim", "system", "table", "take", "tall", "team", "tell", "term", "than", "that", "their",
    "them", "there", "they", "thin", "think", "third", "those", "thought", "three", "through",
    "thus", "time", "tire", "together", "told", "too", "tool", "total", "touch", "town", "trade",
    "travel", "triangle", "trip", "truck", "try", "turn", "twenty", "type", "unit", "up", "use",
    "usual", "value", "verb", "view", "village", "voice", "wait", "wall", "warm", "was", "watch",
    "wave", "we", "wear", "week", "well", "were", "what", "wheel", "where", "which", "who", "whole",
    "why", "wife", "will", "wind", "window", "winter", "wish", "wonder", "wood", "work", "would",
    "written", "wrote", "yard", "yellow", "yet", "young",
];

#[cfg(test)]
mod tests {
    use super::WORDS;

    #[test]
    fn there_are_512_words_and_none_twice() {
        assert_eq!(WORDS.len(), 512);
        assert!(WORDS.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn every_word_is_short_and_lower_case() {
        let plain = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
        assert!(WORDS.iter().all(|word| (1..=8).contains(&word.len()) && plain(word)));
    }
}
