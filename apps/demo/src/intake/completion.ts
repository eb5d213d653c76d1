/**
 * Shell completion and the man page, from the commands and options as the parser knows them.
 */
import type { Command } from 'commander';
import { UsageError } from '../text/io.ts';

interface Words {
  readonly name: string;
  readonly description: string;
  readonly options: readonly string[];
}

function wordsOf(program: Command): Words[] {
  return program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    options: [...command.options.flatMap((option) => (option.long == null ? [] : [option.long])), '--help'],
  }));
}

/** Quotes a text for sh, zsh and fish. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function bash(words: readonly Words[]): string {
  const cases = words.map(({ name, options }) => `    ${name}) words='${options.join(' ')}' ;;`).join('\n');
  return `# vmarea completion bash > /etc/bash_completion.d/vmarea
_vmarea() {
  local cur=\${COMP_WORDS[COMP_CWORD]} words=
  case \${COMP_WORDS[1]} in
${cases}
  esac
  if [ "$COMP_CWORD" = 1 ]; then words='${words.map(({ name }) => name).join(' ')} --help --version'; fi
  case $cur in
    -*) COMPREPLY=($(compgen -W "$words" -- "$cur")) ;;
    *) COMPREPLY=($(compgen -f -- "$cur")); [ "$COMP_CWORD" = 1 ] && COMPREPLY+=($(compgen -W "$words" -- "$cur")) ;;
  esac
}
complete -o filenames -F _vmarea vmarea
`;
}

function zsh(words: readonly Words[]): string {
  const commands = words.map(({ name, description }) => `    ${quoted(`${name}:${description}`)}`).join('\n');
  const cases = words.map(({ name, options }) => `    ${name}) compadd -- ${options.join(' ')} ;;`).join('\n');
  return `#compdef vmarea
# vmarea completion zsh > "\${fpath[1]}/_vmarea"
_vmarea() {
  local -a commands=(
${commands}
  )
  if (( CURRENT == 2 )); then _describe command commands; _files; return; fi
  [[ $PREFIX == -* ]] || { _files; return; }
  case $words[2] in
${cases}
  esac
}
_vmarea "$@"
`;
}

function fish(words: readonly Words[]): string {
  const lines = words.flatMap(({ name, description, options }) => [
    `complete -c vmarea -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
    ...options.map((option) => `complete -c vmarea -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}`),
  ]);
  return `# vmarea completion fish > ~/.config/fish/completions/vmarea.fish\n${lines.join('\n')}\n`;
}

/**
 * The completion script of a shell.
 *
 * @throws UsageError for another shell
 */
export function completionText(program: Command, shell: string): string {
  const words = wordsOf(program);
  if (shell === 'bash') return bash(words);
  if (shell === 'zsh') return zsh(words);
  if (shell === 'fish') return fish(words);
  throw new UsageError(`completion: «${shell}» is none of bash, zsh, fish`);
}

/** A line of troff: what begins with a dot or an apostrophe is text, backslashes are backslashes. */
function troff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .split('\n')
    .map((line) => (/^[.']/.test(line) ? `\\&${line}` : line))
    .join('\n');
}

/** The man page: the help of every command. */
export function manText(program: Command, version: string): string {
  const parts = [`.TH VMAREA 1 "" "vmarea ${version}"`, '.SH NAME', `vmarea \\- ${troff(program.description())}`];
  for (const command of [program, ...program.commands]) {
    parts.push(`.SH ${command === program ? 'USAGE' : command.name().toUpperCase()}`, '.nf');
    parts.push(troff(command.helpInformation().trimEnd()), '.fi');
  }
  return `${parts.join('\n')}\n`;
}
