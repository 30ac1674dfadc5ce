//! The lines of an index, in bytes. Each carries a checksum, so that one that was cut off is known as such.

use tagmill_model::picture::BadPicture;

use crate::key::Key;

/// Bytes of a record before its checksum; a bad picture's detail comes between.
const HEAD: usize = 56;
const CHECKSUM: usize = 8;

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) file: Key,
    pub(crate) content: Key,
    pub(crate) outcome: Outcome,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Good(Good),
    /// Only faults of the contents are recorded: not what a limit, a missing file or a system's refusal made of them.
    Bad(BadPicture),
    /// What another record says of the same contents.
    Same,
}

/// A picture whose pixels are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Good {
    /// Its place in the shard, counted in pictures.
    pub(crate) slot: u32,
    /// Width and height of the original, in pixels, to hold against limits.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// See [`crate::likeness`].
    pub(crate) likeness: u64,
}

const GOOD: u32 = 0;
const EMPTY: u32 = 1;
const UNKNOWN_FORMAT: u32 = 2;
const TRUNCATED: u32 = 3;
const CORRUPT: u32 = 4;
const SAME: u32 = 5;

fn bad_code(bad: &BadPicture) -> Option<u32> {
    match bad {
        BadPicture::Empty => Some(EMPTY),
        BadPicture::UnknownFormat => Some(UNKNOWN_FORMAT),
        BadPicture::Truncated => Some(TRUNCATED),
        BadPicture::Corrupt(_) => Some(CORRUPT),
        BadPicture::Missing | BadPicture::Unreadable(_) | BadPicture::TooLarge(_) => None,
    }
}

impl Record {
    /// Appends the record to `bytes`. A fault that does not last leaves no record.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        let (code, numbers, likeness, detail) = match &self.outcome {
            Outcome::Good(good) => (GOOD, [good.slot, good.width, good.height], good.likeness, ""),
            Outcome::Same => (SAME, [0; 3], 0, ""),
            Outcome::Bad(bad) => {
                let Some(code) = bad_code(bad) else { return };
                let detail = if let BadPicture::Corrupt(detail) = bad { detail.as_str() } else { "" };
                (code, [detail.len() as u32, 0, 0], 0, detail)
            }
        };
        let start = bytes.len();
        bytes.extend(self.file.0);
        bytes.extend(self.content.0);
        bytes.extend(code.to_le_bytes());
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(likeness.to_le_bytes());
        bytes.extend(detail.as_bytes());
        let checksum = Key::of_content(&bytes[start..]).short();
        bytes.extend(checksum.to_le_bytes());
    }

    /// Takes one record off the front of `bytes`. `None` where there is no whole one.
    fn read(bytes: &mut &[u8]) -> Option<Record> {
        let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let key = |at: usize| Some(Key(bytes.get(at..at + 16)?.try_into().ok()?));
        let (file, content) = (key(0)?, key(16)?);
        let (code, slot, width, height) = (number(32)?, number(36)?, number(40)?, number(44)?);
        let likeness = u64::from(number(48)?) | u64::from(number(52)?) << 32;
        let body = if code == CORRUPT { HEAD + slot as usize } else { HEAD };
        let checksum = bytes.get(body..body + CHECKSUM)?;
        if checksum != Key::of_content(&bytes[..body]).short().to_le_bytes() {
            return None;
        }
        let outcome = match code {
            GOOD => Outcome::Good(Good { slot, width, height, likeness }),
            SAME => Outcome::Same,
            EMPTY => Outcome::Bad(BadPicture::Empty),
            UNKNOWN_FORMAT => Outcome::Bad(BadPicture::UnknownFormat),
            TRUNCATED => Outcome::Bad(BadPicture::Truncated),
            CORRUPT => Outcome::Bad(BadPicture::Corrupt(String::from_utf8(bytes[HEAD..body].to_vec()).ok()?)),
            _ => return None,
        };
        *bytes = &bytes[body + CHECKSUM..];
        Some(Record { file, content, outcome })
    }
}

/// The whole records at the front of an index, and how many bytes they are. What follows was cut off by a kill.
pub(crate) fn read_all(bytes: &[u8]) -> (Vec<Record>, usize) {
    let mut rest = bytes;
    let mut records = Vec::with_capacity(bytes.len() / (HEAD + CHECKSUM));
    while let Some(record) = Record::read(&mut rest) {
        records.push(record);
    }
    (records, bytes.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Vec<Record> {
        let record = |n: u8, outcome| Record { file: Key([n; 16]), content: Key([n + 100; 16]), outcome };
        vec![
            record(1, Outcome::Good(Good { slot: 7, width: 1200, height: 900, likeness: u64::MAX - 3 })),
            record(2, Outcome::Bad(BadPicture::Corrupt("Ungültig".to_owned()))),
            record(3, Outcome::Bad(BadPicture::Truncated)),
            record(4, Outcome::Bad(BadPicture::Empty)),
            record(5, Outcome::Bad(BadPicture::UnknownFormat)),
            record(6, Outcome::Same),
        ]
    }

    fn bytes(records: &[Record]) -> Vec<u8> {
        let mut bytes = Vec::new();
        records.iter().for_each(|record| record.write(&mut bytes));
        bytes
    }

    #[test]
    fn records_come_back() {
        let bytes = bytes(&records());
        assert_eq!(read_all(&bytes), (records(), bytes.len()));
    }

    /// Wherever a kill cuts, the records before are there, and no other.
    #[test]
    fn a_torn_tail_is_known_as_such() {
        let (records, whole) = (records(), bytes(&records()));
        let ends: Vec<usize> = (0..=records.len()).map(|n| bytes(&records[..n]).len()).collect();
        for cut in 0..whole.len() {
            let kept = ends.iter().filter(|end| **end <= cut).count() - 1;
            assert_eq!(read_all(&whole[..cut]), (records[..kept].to_vec(), ends[kept]), "cut at {cut}");
        }
    }

    #[test]
    fn a_changed_byte_ends_the_records() {
        let whole = bytes(&records());
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(read_all(&changed).1 <= at, "byte {at}");
        }
    }

    #[test]
    fn passing_faults_leave_no_record() {
        let outcome = Outcome::Bad(BadPicture::TooLarge("9 by 9 pixels".to_owned()));
        assert!(bytes(&[Record { outcome, ..records().remove(0) }]).is_empty());
    }
}
