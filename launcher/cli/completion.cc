#include "launcher/cli/completion.h"

#include <algorithm>

#include "base/text.h"

namespace everstep {

namespace {

std::string VerbNames(const Surface& surface, std::string_view between = " ") {
  std::vector<std::string> names;
  for (const VerbWords& verb : surface.verbs) names.push_back(verb.name);
  return Join(names, between);
}

std::string FlagNames(const std::vector<FlagWords>& flags) {
  std::vector<std::string> names;
  for (const FlagWords& flag : flags) names.insert(names.end(), flag.names.begin(), flag.names.end());
  return Join(names, " ");
}

// For 'single quotes': 'it'\''s'.
std::string Quoted(std::string_view text) { return Cat('\'', Join(Split(text, '\''), "'\\''"), '\''); }

// ---- bash ----------------------------------------------------------------------------------------------------------------

// The answer to "what may stand here": sets COMPREPLY.
std::string BashReply(const Surface& surface, std::string_view value) {
  const ValueWords words = ValueOf(value);
  switch (words.kind) {
    case Completes::nothing: return ":";
    case Completes::words: return Cat("_everstep_words \"", Join(words.words, " "), '"');
    case Completes::files: return "compopt -o default";
    case Completes::directories: return "compopt -o dirnames";
    case Completes::hosts: return "_everstep_words \"$(_everstep_names hosts)\"";
    case Completes::jobs: return "_everstep_words \"$(_everstep_names jobs)\"";
    case Completes::open_jobs: return "_everstep_words \"$(_everstep_names open-jobs)\"";
    case Completes::verbs: return Cat("_everstep_words \"", VerbNames(surface), '"');
  }
  return ":";
}

// case branches "verb flag) reply ;;" for the values of flags; `verb` may be *.
std::string BashValues(const Surface& surface, const std::string& verb, const std::vector<FlagWords>& flags) {
  std::string out;
  for (const FlagWords& flag : flags) {
    if (flag.value.empty()) continue;
    std::vector<std::string> patterns;
    for (const std::string& name : flag.names) patterns.push_back(Cat(verb == "*" ? "*\\ " : Cat('"', verb, " \""), name));
    out += Cat("    ", Join(patterns, "|"), ") ", BashReply(surface, flag.value), "; return ;;\n");
  }
  return out;
}

constexpr std::string_view kBashHead = R"(# Completion of everstep for bash, made by `everstep completion bash`. To use it:
#   everstep completion bash > ~/.local/share/bash-completion/completions/everstep
_everstep_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }
_everstep_names() { "${COMP_WORDS[0]}" names "$1" ${launcher:+--launcher="$launcher"} 2> /dev/null; }
_everstep() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= launcher= word i
  COMPREPLY=()
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=${COMP_WORDS[COMP_CWORD-2]}
  fi
)";

}  // namespace

std::string BashCompletion(const Surface& surface) {
  std::string values = BashValues(surface, "*", surface.flags), flags, arguments, takes = "";
  std::vector<std::string> valued;
  for (const FlagWords& flag : surface.flags)
    if (!flag.value.empty()) valued.insert(valued.end(), flag.names.begin(), flag.names.end());
  const std::string common = FlagNames(surface.flags);
  for (const VerbWords& verb : surface.verbs) {
    values += BashValues(surface, verb.name, verb.flags);
    flags += Cat("      ", verb.name, ") _everstep_words \"", FlagNames(verb.flags), ' ', common, "\" ;;\n");
    if (!verb.arguments.empty())
      arguments += Cat("      ", verb.name, ") ", BashReply(surface, verb.arguments.front().value), " ;;\n");
    if (verb.arguments.size() > 1)
      takes += Cat("      ", verb.name, ") ", BashReply(surface, verb.arguments[1].value), "; return ;;\n");
  }
  return Cat(kBashHead, "  for ((i = 1; i < COMP_CWORD; ++i)); do\n    word=${COMP_WORDS[i]}\n    case $word in\n",
             "      --launcher) [[ ${COMP_WORDS[i+1]} == = ]] && ((++i))\n", "        launcher=${COMP_WORDS[i+1]}; ((++i))\n",
             "        while [[ ${COMP_WORDS[i+1]} == : ]]; do launcher+=:${COMP_WORDS[i+2]}; ((i += 2)); done ;;\n", "      ",
             Join(valued, "|"), ") ((++i)) ;;\n      -*) ;;\n      *) verb=$word; break ;;\n    esac\n  done\n",
             "  case \"$verb $prev\" in\n", values, "  esac\n", "  if [[ -z $verb ]]; then\n",
             "    if [[ $cur == -* ]]; then _everstep_words \"", common, "\"; else _everstep_words \"", VerbNames(surface),
             "\"; fi\n    return\n  fi\n", "  if [[ $cur == -* ]]; then\n    case $verb in\n", flags,
             "    esac\n    return\n  fi\n", "  if [[ $prev != \"$verb\" && $prev != -* ]]; then\n    case $verb in\n", takes,
             "    esac\n  fi\n", "  case $verb in\n", "      run) compopt -o default ;;\n", arguments,
             "  esac\n}\ncomplete -F _everstep everstep\n");
}

// ---- zsh -----------------------------------------------------------------------------------------------------------------

namespace {

// In a spec of _arguments, ':' and brackets have a meaning.
std::string ZshWords(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ':' || c == '[' || c == ']' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string ZshAction(const Surface& surface, std::string_view value) {
  const ValueWords words = ValueOf(value);
  switch (words.kind) {
    case Completes::nothing: return " ";
    case Completes::words: return Cat('(', Join(words.words, " "), ')');
    case Completes::files: return "_files";
    case Completes::directories: return "_files -/";
    case Completes::hosts: return "{_everstep_names hosts}";
    case Completes::jobs: return "{_everstep_names jobs}";
    case Completes::open_jobs: return "{_everstep_names open-jobs}";
    case Completes::verbs: return Cat('(', VerbNames(surface), ')');
  }
  return " ";
}

std::string ZshFlag(const Surface& surface, const FlagWords& flag) {
  std::string out;
  for (const std::string& name : flag.names) {
    const std::string others = flag.names.size() > 1 ? Cat('(', Join(flag.names, " "), ')') : "";
    const std::string value = flag.value.empty() ? "" : Cat(':', ZshWords(flag.value), ':', ZshAction(surface, flag.value));
    const bool joined = !flag.value.empty() && name.starts_with("--");
    out += Cat(" \\\n      ", Quoted(Cat(others, name, joined ? "=" : "", '[', ZshWords(flag.about), ']', value)));
  }
  return out;
}

constexpr std::string_view kZshHead = R"zsh(#compdef everstep
# Completion of everstep for zsh, made by `everstep completion zsh`. To use it, in a directory of $fpath:
#   everstep completion zsh > _everstep
_everstep_names() {
  local -a names
  names=(${(f)"$(${words_before[1]:-everstep} names $1 2> /dev/null)"})
  compadd -a names
}
)zsh";

}  // namespace

std::string ZshCompletion(const Surface& surface) {
  std::string common, verbs, cases;
  for (const FlagWords& flag : surface.flags) common += ZshFlag(surface, flag);
  for (const VerbWords& verb : surface.verbs) {
    verbs += Cat("    ", Quoted(Cat(ZshWords(verb.name), ':', verb.about)), '\n');
    cases += Cat("    ", verb.name, ")\n      _arguments -s");
    for (const FlagWords& flag : verb.flags) cases += ZshFlag(surface, flag);
    cases += common;
    for (std::size_t i = 0; i < verb.arguments.size(); ++i) {
      const FlagWords& argument = verb.arguments[i];
      const std::string which = i + 1 == verb.arguments.size() ? "*" : Cat(i + 1);
      cases += Cat(" \\\n      ",
                   Quoted(Cat(which, ':', ZshWords(argument.names.front()), ':', ZshAction(surface, argument.value))));
    }
    if (verb.name == "run") cases += " \\\n      '*::command:_normal'";
    cases += " ;;\n";
  }
  return Cat(kZshHead, "_everstep() {\n  local -a words_before verbs\n  local state line\n  words_before=($words)\n  verbs=(\n",
             verbs, "  )\n  _arguments -C", common, " \\\n      '1:verb:->verb' '*::argument:->argument'\n  case $state in\n",
             "    verb) _describe verb verbs; return ;;\n    argument) ;;\n    *) return ;;\n  esac\n  case $line[1] in\n",
             cases, "  esac\n}\n",
             "if [[ ${funcstack[1]} == _everstep ]]; then _everstep \"$@\"; else compdef _everstep everstep; fi\n");
}

// ---- fish ----------------------------------------------------------------------------------------------------------------

namespace {

std::string FishAction(const Surface& surface, std::string_view value) {
  const ValueWords words = ValueOf(value);
  switch (words.kind) {
    case Completes::nothing: return " -x";
    case Completes::words: return Cat(" -x -a ", Quoted(Join(words.words, " ")));
    case Completes::files: return " -r -F";
    case Completes::directories: return " -x -a '(__fish_complete_directories)'";
    case Completes::hosts: return " -x -a '(__everstep_names hosts)'";
    case Completes::jobs: return " -x -a '(__everstep_names jobs)'";
    case Completes::open_jobs: return " -x -a '(__everstep_names open-jobs)'";
    case Completes::verbs: return Cat(" -x -a ", Quoted(VerbNames(surface)));
  }
  return " -x";
}

std::string FishFlags(const Surface& surface, const std::string& condition, const std::vector<FlagWords>& flags) {
  std::string out;
  for (const FlagWords& flag : flags) {
    out += Cat("complete -c everstep", condition);
    for (const std::string& name : flag.names)
      out += name.starts_with("--") ? Cat(" -l ", name.substr(2)) : Cat(" -s ", name.substr(1));
    if (!flag.value.empty()) out += FishAction(surface, flag.value);
    out += Cat(" -d ", Quoted(flag.about), '\n');
  }
  return out;
}

}  // namespace

std::string FishCompletion(const Surface& surface) {
  const std::string verbs = VerbNames(surface);
  std::string out =
      Cat("# Completion of everstep for fish, made by `everstep completion fish`. To use it:\n"
          "#   everstep completion fish > ~/.config/fish/completions/everstep.fish\n"
          "function __everstep_names\n  set -l words (commandline -opc)\n  $words[1] names $argv 2> /dev/null\nend\n"
          "function __everstep_verb\n  __fish_seen_subcommand_from $argv\nend\n"
          "complete -c everstep -f\n",
          FishFlags(surface, "", surface.flags));
  for (const VerbWords& verb : surface.verbs) {
    const std::string here = Cat(" -n '__everstep_verb ", verb.name, '\'');
    out += Cat("complete -c everstep -n 'not __everstep_verb ", verbs, "' -a ", verb.name, " -d ", Quoted(verb.about), '\n');
    out += FishFlags(surface, here, verb.flags);
    for (const FlagWords& argument : verb.arguments) {
      const ValueWords words = ValueOf(argument.value);
      if (words.kind == Completes::files || words.kind == Completes::directories)
        out += Cat("complete -c everstep", here, " -F\n");
      else if (words.kind != Completes::nothing)
        out += Cat("complete -c everstep", here, FishAction(surface, argument.value).substr(3), '\n');
    }
    if (verb.name == "run") out += Cat("complete -c everstep", here, " -F\n");
  }
  return out;
}

}  // namespace everstep
