import { Option } from 'commander'

/** `--keys DIR`: keys of a ceremony instead of development keys. */
export function keysOption(): Option {
  return new Option('--keys <dir>', 'keys of a ceremony, written by plimsoll keys export, instead of development keys')
}
