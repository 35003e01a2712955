import type { Examination } from '../../front-door/examine.ts';
import { renderFindings } from '../render/findings.ts';
import type { Palette } from '../render/palette.ts';
import { wrap } from '../render/table.ts';

type Decision = Examination['decision'];
type Facts = NonNullable<Decision['leaf']>;

const day = (date: Date): string => date.toISOString().slice(0, 10);
const time = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;

export function renderExamination({ leaf, chain, repairs, findings }: Decision, paint: Palette): string {
  const tree = chain
    .map(
      (link, depth) =>
        `${' '.repeat(2 + depth * 2)}${depth === 0 ? '' : '└ '}${nameOf(link)}  until ${day(link.notAfter)}\n`,
    )
    .join('');
  return [
    ...(leaf === undefined ? [] : [renderLeaf(leaf, paint)]),
    ...(chain.length > 1 ? [`${paint.strong('Chain')}\n${tree}`] : []),
    ...(repairs.length > 0
      ? [`${paint.strong('Repaired')}\n${repairs.map(({ code, message }) => wrap(`${code}: ${message}`, 2)).join('')}`]
      : []),
    renderFindings(findings, paint),
  ].join('');
}

function renderLeaf(leaf: Facts, paint: Palette): string {
  const lines = [
    ['Subject', nameOf(leaf)],
    ['Names', leaf.sans.join(', ') || '-'],
    ['Valid', `${day(leaf.notBefore)} to ${day(leaf.notAfter)}`],
    ['Key', leaf.keyType],
    ['Print', leaf.fingerprint],
  ];
  const rows = lines.map(([name = '', value = '']) => {
    const [first = '', ...rest] = wrap(value, 9).trimEnd().split('\n');
    return [`${name.padEnd(7)}  ${first.trimStart()}`, ...rest].join('\n');
  });
  return `${paint.strong('Certificate')}\n${rows.map((row) => `${row}\n`).join('')}`;
}

/** The common name where there is one: that is how people call a certificate. */
function nameOf({ subject, sans }: Facts): string {
  return (
    /(?:^|[,\n+] ?)CN=([^,\n+]+)/.exec(subject)?.[1] ?? (subject === '' ? (sans[0] ?? 'no name') : subject.slice(0, 50))
  );
}

export function importDocument(
  { leaf, chain, repairs, findings }: Decision,
  {
    accepted,
    stored,
    object,
  }: { readonly accepted: boolean; readonly stored: boolean; readonly object: string | undefined },
) {
  return {
    kind: 'ImportResult',
    accepted,
    stored,
    ...(object === undefined ? {} : { object }),
    ...(leaf === undefined ? {} : { leaf: factsOf(leaf) }),
    ...(chain.length === 0 ? {} : { chain: chain.map(factsOf) }),
    repairs,
    findings,
  };
}

function factsOf({ subject, issuer, sans, notBefore, notAfter, keyType, fingerprint }: Facts) {
  return { subject, issuer, sans, notBefore: time(notBefore), notAfter: time(notAfter), keyType, fingerprint };
}
