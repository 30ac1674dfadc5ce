// Stands around the page, drives it as a reader would, and writes down what it sees, a `name=value` a line.
addEventListener('load', () => {
  const frame = document.querySelector('iframe');
  const page = frame.contentDocument;
  const seen = [];
  const note = (name, value) => seen.push(`${name}=${value}`);
  const root = page.documentElement;
  note('overflow', root.scrollWidth - root.clientWidth);
  const wide = [...page.querySelectorAll('main *, header *, nav *')].filter((element) => {
    const { right, width } = element.getBoundingClientRect();
    return width > 0 && right > root.clientWidth + 1 && !element.closest('.scroll, .unseen, svg');
  });
  note('beyond', wide.map((element) => element.outerHTML.slice(0, 80)));

  // Names stay in sight while the figures move under them.
  const box = page.getElementById('tag-table').parentElement;
  const pinned = () => page.querySelector('#tag-table tbody th').getBoundingClientRect().left;
  const before = pinned();
  box.scrollLeft = 150;
  note('pinned', Math.abs(pinned() - before) < 1);

  const headings = [...page.querySelectorAll('#tag-table thead th')];
  const rows = () => [...page.querySelectorAll('#tag-table tbody tr:not([hidden])')];
  const column = (index) => rows().map((row) => row.cells[index].textContent);
  const click = (index) => headings[index].querySelector('button').click();
  const state = (index) => headings.map((heading) => heading.getAttribute('aria-sort')).join() + ` ${index}`;
  const first = column(0).join();
  const ordered = (texts, sign) => {
    const numbers = texts.map((text) => parseFloat(text.replaceAll(',', '')));
    const known = numbers.filter((number) => !Number.isNaN(number));
    return known.every((number, at) => number === numbers[at] && (at === 0 || sign * (number - known[at - 1]) >= 0));
  };
  for (const index of [8, 1, 3]) {
    click(index);
    note(`falling-${index}`, `${ordered(column(index), -1)} ${state(index)}`);
    click(index);
    note(`rising-${index}`, `${ordered(column(index), 1)} ${state(index)}`);
  }
  click(0);
  const names = column(0);
  note('names', names.every((name, at) => at === 0 || name.localeCompare(names[at - 1], undefined, { numeric: true }) >= 0));
  // Of tags with the same number, those that came first stay first.
  click(8);
  const numbers = column(8);
  const sorted = column(0);
  const ties = numbers.map((_, at) => at).filter((at) => at > 0 && numbers[at] === numbers[at - 1]);
  note('ties', ties.length > 0);
  note('stable', ties.every((at) => names.indexOf(sorted[at]) > names.indexOf(sorted[at - 1])));

  const search = page.getElementById('tag-search');
  const count = page.getElementById('tag-count');
  for (const wanted of [' KATZE ', 'bru\u0308cke', '<b>', '']) {
    search.value = wanted;
    search.dispatchEvent(new Event('input'));
    const fits = column(0).every((name) => name.toLowerCase().includes(wanted.trim().normalize('NFC').toLowerCase()));
    note(`search-${wanted.trim().normalize('NFC')}`, `${fits} ${rows().length} ${count.textContent}`);
  }

  const veiled = [...page.querySelectorAll('.veiled')];
  const hidden = () => veiled.filter((veil) => getComputedStyle(veil.querySelector('img')).filter !== 'none').length;
  note('veiled', hidden());
  veiled[0].querySelector('input').click();
  note('veiled-but-one', hidden());
  page.getElementById('show-all').click();
  note('veiled-with-switch', hidden());
  document.getElementById('seen').textContent = seen.join('\n');
});
