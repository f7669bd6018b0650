#include "base/yaml/settings.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "base/text.h"

namespace everstep::yaml {

Result<std::map<std::string, std::string>> ParseFlags(int argc, const char* const* argv, const std::vector<FlagSpec>& specs) {
  constexpr std::string_view kHelp = "see --help";
  std::map<std::string, std::string> given;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with("--"))
      return Fail(ErrorCode::kInvalid,
                  Cat("found the argument \"", Clip(Printable(argument), 60), "\", but only flags are legal"),
                  std::string(kHelp));
    const std::size_t equals = argument.find('=');
    const std::string name(argument.substr(2, equals == std::string_view::npos ? equals : equals - 2));
    const auto spec = std::find_if(specs.begin(), specs.end(), [&](const FlagSpec& known) { return known.name == name; });
    if (spec == specs.end()) {
      std::vector<std::string> names;
      for (const FlagSpec& known : specs) names.push_back("--" + known.name);
      const std::string meant = DidYouMean("--" + name, names);
      return Fail(ErrorCode::kInvalid, Cat("unknown flag --", Clip(Printable(name), 60)),
                  meant.empty() ? std::string(kHelp) : meant);
    }
    const bool has_value = equals != std::string_view::npos;
    if (spec->placeholder.empty()) {
      given[name] = has_value ? std::string(argument.substr(equals + 1)) : "true";
    } else if (has_value) {
      given[name] = argument.substr(equals + 1);
    } else if (i + 1 < argc) {
      given[name] = argv[++i];
    } else {
      return Fail(ErrorCode::kInvalid, Cat("--", name, ": found nothing, legal: ", spec->placeholder));
    }
  }
  return given;
}

std::string HelpText(std::string_view program, std::string_view about, const std::vector<FlagSpec>& specs) {
  std::string out = Cat(about, "\n\nusage: ", program, " [flags]\n\n");
  std::vector<std::string> flags;
  std::size_t width = 0;
  for (const FlagSpec& spec : specs) {
    flags.push_back(Cat("--", spec.name, spec.placeholder.empty() ? "" : " ", spec.placeholder));
    width = std::max(width, flags.back().size());
  }
  for (std::size_t i = 0; i < specs.size(); ++i) {
    out += Cat("  ", flags[i], std::string(width - flags[i].size() + 2, ' '), specs[i].doc);
    out += specs[i].env.empty() ? "\n" : Cat(" [", specs[i].env, "]\n");
  }
  return out + "\nA flag wins over its variable [in brackets], that over the file, that over the default.\n";
}

Result<std::string> ReadConfigFile(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::string text(kBytesMax + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in && !in.eof()) return FailErrno(errno == 0 ? EIO : errno, "read", path);
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

namespace {

void AddSources(const Node& node, const std::string& file, std::map<std::string, std::string>& sources) {
  for (const Node& child : node.children) {
    sources[child.path] = Cat(file, ':', child.key_line);
    if (child.kind == Node::Kind::mapping) AddSources(child, file, sources);
  }
}

}  // namespace

std::map<std::string, std::string> SourcesIn(std::string_view text, const std::string& file) {
  std::map<std::string, std::string> sources;
  if (const auto root = Parse(text)) AddSources(*root, file, sources);
  return sources;
}

Node ValueNode(std::string_view value) { return {.kind = Node::Kind::scalar, .quoted = true, .text = std::string(value)}; }

Error ValueError(std::string_view from, const Problems& problems) {
  const Problem& problem = problems.front();
  return {.code = ErrorCode::kInvalid,
          .message = Cat(from, ": found ", problem.found, ", legal: ", problem.legal),
          .hint = problem.next};
}

Result<std::string> StateHome(const Environment& environment) {
  const std::string xdg = environment("XDG_STATE_HOME").value_or("");
  if (xdg.starts_with('/')) return Cat(xdg, "/everstep");
  const std::string home = environment("HOME").value_or("");
  if (xdg.empty() && home.starts_with('/')) return Cat(home, "/.local/state/everstep");
  return Fail(ErrorCode::kInvalid,
              xdg.empty() ? "no place for state: neither XDG_STATE_HOME nor HOME is set"
                          : Cat("XDG_STATE_HOME is \"", Printable(xdg), "\", which is not an absolute path"),
              "name a directory with --state");
}

Status MakeAbsolute(std::string& path) {
  if (path.empty()) return {};
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (error) return Fail(ErrorCode::kIo, Cat("cannot find out where ", path, " is: ", error.message()));
  path = absolute.lexically_normal().string();
  return {};
}

}  // namespace everstep::yaml
