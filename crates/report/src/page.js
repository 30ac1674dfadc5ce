// Makes the table of tags sortable and searchable. Without it, the table is there in its first order.
(() => {
  'use strict';
  const table = document.getElementById('tag-table');
  if (!table) return;
  const search = document.getElementById('tag-search');
  const shown = document.getElementById('tag-count');
  const headings = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const text = (row, column) => row.cells[column].textContent;
  // One spelling for what looks the same: letters with accents can be written in two ways.
  const plain = (name) => name.normalize('NFC').toLowerCase();
  const tags = [...body.rows].map((row) => ({ row, name: plain(text(row, 0)) }));
  const names = new Intl.Collator(undefined, { numeric: true });

  const sort = (column, descending) => {
    const key = ({ row, name }) => (column === 0 ? name : parseFloat(text(row, column).replaceAll(',', '')));
    const keys = new Map(tags.map((tag) => [tag, key(tag)]));
    const sign = descending ? -1 : 1;
    tags.sort((one, other) => {
      const [a, b] = [keys.get(one), keys.get(other)];
      if (column === 0) return sign * names.compare(a, b);
      // What has no number comes last in both directions.
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
      return sign * (a - b);
    });
    const rows = document.createDocumentFragment();
    for (const { row } of tags) rows.append(row);
    body.append(rows);
    headings.forEach((heading, index) => {
      if (index === column) heading.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      else heading.removeAttribute('aria-sort');
    });
  };

  headings.forEach((heading, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener('click', () => {
      // Names begin with A, numbers with the largest; the second click turns it round.
      const first = column === 0 ? 'ascending' : 'descending';
      const again = heading.getAttribute('aria-sort') === first;
      sort(column, (first === 'descending') !== again);
    });
  });

  const number = (count) => count.toLocaleString('en');
  const filter = () => {
    const wanted = plain(search.value.trim());
    let count = 0;
    for (const { row, name } of tags) {
      row.hidden = !name.includes(wanted);
      if (!row.hidden) count += 1;
    }
    shown.textContent = wanted ? `${number(count)} of ${number(tags.length)} tags` : `${number(tags.length)} tags`;
  };
  search.addEventListener('input', filter);
  document.getElementById('tag-tools').hidden = false;
  // A browser that goes back may have kept what was searched for.
  filter();
})();
