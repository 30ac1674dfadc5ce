use super::*;

/// The events of a file, as a reader takes them: up to the first record that is not whole.
fn read(bytes: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut rest = bytes;
    while let Some((head, after)) = rest.split_at_checked(12) {
        let length = u64::from_le_bytes(head[..8].try_into().unwrap()) as usize;
        assert_eq!(head[8..], masked_checksum(&head[..8]).to_le_bytes());
        let Some((data, after)) = after.split_at_checked(length) else { break };
        let Some((checksum, after)) = after.split_at_checked(4) else { break };
        assert_eq!(checksum, masked_checksum(data).to_le_bytes());
        events.push(Event::decode(data).unwrap());
        rest = after;
    }
    events
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The first record of a file; TensorBoard's own Python code gives these bytes and checksums for it.
#[test]
fn a_record_has_the_known_bytes() {
    let what = Some(What::FileVersion(VERSION.to_owned()));
    let event = Event { wall_time: 1.0, step: 0, what }.encode_to_vec();
    let data = b"\x09\0\0\0\0\0\0\xf0\x3f\x1a\x0dbrain.Event:2";
    assert_eq!(event, data);
    let expected = [&b"\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22"[..], data, b"\x86\xbf\x57\x7a"].concat();
    assert_eq!(record(&event), expected);
}

#[test]
fn a_point_at_zero_is_written_too() {
    let value = Value { tag: "a".to_owned(), simple_value: 0.0 };
    let event = Event { wall_time: 0.0, step: 3, what: Some(What::Summary(Summary { value: vec![value] })) };
    assert_eq!(event.encode_to_vec(), b"\x10\x03\x2a\x0a\x0a\x08\x0a\x01a\x15\0\0\0\0");
}

#[test]
fn a_file_says_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = Events::create(folder.path(), 0).unwrap();
    events.scalars(1, &[("train/loss", 0.5), ("train/learning_rate", 1e-3)]).unwrap();
    let bytes = fs::read(&files(folder.path())[0]).unwrap();
    let [version, start, point] = &read(&bytes)[..] else { panic!("there are three records") };
    assert_eq!(version.what, Some(What::FileVersion(VERSION.to_owned())));
    assert_eq!((start.step, &start.what), (1, &Some(What::SessionLog(SessionLog { status: START }))));
    assert!(point.wall_time > 1.7e9);
    let value = |tag: &str, simple_value| Value { tag: tag.to_owned(), simple_value };
    let expected = Summary { value: vec![value("train/loss", 0.5), value("train/learning_rate", 1e-3)] };
    assert_eq!((point.step, &point.what), (1, &Some(What::Summary(expected))));
    // Cut off anywhere in the last record, the others remain.
    for cut in [bytes.len() - 1, bytes.len() - 20, bytes.len() - 60] {
        assert_eq!(read(&bytes[..cut]).len(), 2, "{cut}");
    }
}

#[test]
fn a_training_that_goes_on_has_a_file_of_its_own_after_the_first() {
    let folder = tempfile::tempdir().unwrap();
    for steps in [0, 20] {
        Events::create(folder.path(), steps).unwrap();
    }
    let starts: Vec<i64> =
        files(folder.path()).iter().map(|file| read(&fs::read(file).unwrap())[1].step).collect();
    assert_eq!(starts, [1, 21]);
}
