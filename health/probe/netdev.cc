#include <charconv>
#include <optional>

#include "base/text.h"
#include "health/probe/probes.h"

namespace everstep::health {

namespace {

constexpr std::string_view kClass = "/sys/class/net";
constexpr unsigned kUp = 1;  // IFF_UP

std::optional<unsigned> Flags(const Root& root, const std::string& folder) {
  const auto text = root.Read(folder + "/flags");  // "0x1003"
  if (!text || !text->starts_with("0x")) return std::nullopt;
  unsigned flags = 0;
  const auto done = std::from_chars(text->data() + 2, text->data() + text->size(), flags, 16);
  return done.ec == std::errc() ? std::optional(flags) : std::nullopt;
}

void Interface(const Root& root, const std::string& name, Sink& sink) {
  const std::string folder = Cat(kClass, '/', name);
  const auto file = [&](const char* what) { return Cat(folder, '/', what); };
  sink.WordOf("net.state", name, root.Read(file("operstate")), file("operstate"));
  sink.NumberOf("net.carrier_changes", name, root.Number(file("carrier_changes")), file("carrier_changes"));
  sink.NumberOf("net.mtu", name, root.Number(file("mtu")), file("mtu"));
  const auto speed = root.Number(file("speed"));  // in Mbit/s; -1 or EINVAL where the driver does not say
  if (speed && *speed > 0) {
    sink.Number("net.speed", name, *speed / 1000, Cat(file("speed"), ": ", ShowNumber(*speed, Unit::count)));
  } else {
    sink.Moot("net.speed", name, "the driver does not tell its speed");
  }
  const auto in = root.Number(file("statistics/rx_errors")), out = root.Number(file("statistics/tx_errors"));
  if (in && out) {
    sink.Number(
        "net.errors", name, *in + *out,
        Cat(folder, "/statistics: rx_errors ", ShowNumber(*in, Unit::count), ", tx_errors ", ShowNumber(*out, Unit::count)));
  } else {
    sink.Unread("net.errors", name, in ? out.error().message : in.error().message);
  }
}

}  // namespace

// Cards only (bridges and the like have no device), and only what is switched on: unused ports of a host are no finding.
void ProbeNetdev(const Root& root, Sink& sink) {
  const auto names = root.List(kClass);
  bool any = false;
  for (const std::string& name : names ? *names : std::vector<std::string>()) {
    const std::string folder = Cat(kClass, '/', name);
    if (!root.Exists(folder + "/device") || (Flags(root, folder).value_or(0) & kUp) == 0) continue;
    any = true;
    Interface(root, name, sink);
  }
  if (any) return;
  for (const char* check : {"net.state", "net.carrier_changes", "net.mtu", "net.speed", "net.errors"})
    sink.Absent(check, "no network card is switched on");
}

}  // namespace everstep::health
