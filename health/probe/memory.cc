#include <optional>

#include "base/text.h"
#include "health/probe/probes.h"

namespace everstep::health {

namespace {

// "MemTotal:       24684092 kB": the number, without its unit.
std::optional<double> Field(std::string_view meminfo, std::string_view name) {
  for (const std::string& line : Split(meminfo, '\n')) {
    if (!line.starts_with(Cat(name, ":"))) continue;
    std::string_view rest = Trim(std::string_view(line).substr(name.size() + 1));
    rest = rest.substr(0, rest.find(' '));
    if (const auto number = ParseUnsigned(rest)) return static_cast<double>(*number);
  }
  return std::nullopt;
}

std::vector<std::string> Words(std::string_view line) {
  std::vector<std::string> words;
  for (std::string& word : Split(line, ' '))
    if (!word.empty()) words.push_back(std::move(word));
  return words;
}

void Sizes(const Root& root, Sink& sink) {
  const auto meminfo = root.Read("/proc/meminfo");
  const auto of = [&](const char* check, const char* name, double times) {
    const auto number = meminfo ? Field(*meminfo, name) : std::nullopt;
    if (number)
      return sink.Number(check, "", *number * times, Cat("/proc/meminfo ", name, ": ", ShowNumber(*number, Unit::count)));
    sink.Unread(check, "", meminfo ? Cat("/proc/meminfo has no ", name) : meminfo.error().message);
  };
  of("memory.size", "MemTotal", 1024);
  of("memory.hugepages", "HugePages_Total", 1);
}

// Free blocks of order 8 (1 MiB) and up: "Node 0, zone   Normal  29764 31294 … 736", order 0 first.
void Fragmentation(const Root& root, Sink& sink) {
  const auto text = root.Read("/proc/buddyinfo");
  if (!text) return sink.Unread("memory.fragmentation", "", text.error().message);
  constexpr std::size_t kWordsBefore = 4, kOrder = 8;
  double blocks = 0;
  bool any = false;
  for (const std::string& line : Split(*text, '\n')) {
    const std::vector<std::string> words = Words(line);
    for (std::size_t i = kWordsBefore + kOrder; i < words.size(); ++i)
      if (const auto count = ParseUnsigned(words[i])) {
        blocks += static_cast<double>(*count);
        any = true;
      }
  }
  if (!any) return sink.Unread("memory.fragmentation", "", "/proc/buddyinfo has no blocks of order 8");
  sink.Number("memory.fragmentation", "", blocks, Cat("/proc/buddyinfo, order 8 and up: ", ShowNumber(blocks, Unit::count)));
}

void Swap(const Root& root, Sink& sink) {
  const auto text = root.Read("/proc/swaps");
  if (!text) return sink.Unread("memory.swap", "", text.error().message);
  double used = 0;
  std::vector<std::string> lines = Split(*text, '\n');
  for (std::size_t i = 1; i < lines.size(); ++i) {  // the first line has titles
    const std::vector<std::string> words = Split(lines[i], '\t');
    std::vector<std::string> cells;
    for (const std::string& part : words)
      for (std::string& word : Words(part)) cells.push_back(std::move(word));
    if (cells.size() < 4) continue;
    if (const auto kib = ParseUnsigned(cells[3])) used += static_cast<double>(*kib) * 1024;
  }
  sink.Number("memory.swap", "", used, Cat("/proc/swaps: ", ShowNumber(used, Unit::bytes), " used"));
}

void Nodes(const Root& root, Sink& sink) {
  const auto names = root.List("/sys/devices/system/node");
  if (!names) return sink.Absent("memory.nodes", "there is no /sys/devices/system/node");
  double count = 0;
  for (const std::string& name : *names)
    if (name.starts_with("node") && ParseUnsigned(std::string_view(name).substr(4))) ++count;
  sink.Number("memory.nodes", "", count, Cat("/sys/devices/system/node/node*: ", ShowNumber(count, Unit::count)));
}

// One unreadable counter must not hide the others.
void Edac(const Root& root, Sink& sink) {
  constexpr std::string_view kControllers = "/sys/devices/system/edac/mc";
  const auto names = root.List(kControllers);
  bool any = false;
  for (const std::string& name : names ? *names : std::vector<std::string>()) {
    if (!name.starts_with("mc") || !ParseUnsigned(std::string_view(name).substr(2))) continue;
    any = true;
    for (const auto& [check, file] : {std::pair("edac.uncorrected", "ue_count"), std::pair("edac.corrected", "ce_count")}) {
      const std::string path = Cat(kControllers, '/', name, '/', file);
      sink.NumberOf(check, name, root.Number(path), path);
    }
  }
  if (any) return;
  for (const char* check : {"edac.uncorrected", "edac.corrected"}) sink.Absent(check, "no memory controller reports to EDAC");
}

}  // namespace

void ProbeMemory(const Root& root, Sink& sink) {
  Sizes(root, sink);
  Nodes(root, sink);
  Fragmentation(root, sink);
  Swap(root, sink);
  Edac(root, sink);
}

}  // namespace everstep::health
