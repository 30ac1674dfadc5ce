//! Many short lists in one.

/// Lists one behind the other: each costs its values and eight bytes, where a `Vec` of its own costs 24 and an allocation.
#[derive(Debug, Clone)]
pub(crate) struct Lists<T> {
    values: Vec<T>,
    /// Where each list ends.
    ends: Vec<usize>,
}

impl<T> Default for Lists<T> {
    fn default() -> Lists<T> {
        Lists { values: Vec::new(), ends: Vec::new() }
    }
}

impl<T> Lists<T> {
    /// Appends a list.
    pub(crate) fn push(&mut self, values: impl IntoIterator<Item = T>) {
        self.values.extend(values);
        self.ends.push(self.values.len());
    }

    /// List `index`.
    pub(crate) fn get(&self, index: usize) -> &[T] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.values[start..self.ends[index]]
    }

    /// All lists, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[T]> {
        (0..self.ends.len()).map(|index| self.get(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_back() {
        let lists: [&[u32]; 4] = [&[1, 2], &[], &[3], &[]];
        let mut flat = Lists::default();
        lists.iter().for_each(|list| flat.push(list.iter().copied()));
        assert!(flat.iter().eq(lists));
        assert_eq!((flat.get(0), flat.get(2)), (lists[0], lists[2]));
    }
}
