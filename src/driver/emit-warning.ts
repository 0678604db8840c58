/** How a person is told what he should know and did not ask for, where no other way was given: a warning of the process. */
export function emitWarning(line: string): void {
  process.emitWarning(line, 'UdprpcWarning');
}
