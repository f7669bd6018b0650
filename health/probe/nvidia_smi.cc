#include "health/probe/nvidia_smi.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "base/text.h"
#include "health/core/rule.h"
#include "health/probe/xml.h"

namespace everstep::health {

namespace {

bool IsTold(const std::string& text) { return !text.empty() && text != "N/A" && text != "[N/A]" && text != "Unknown Error"; }

// "34 C", "0 %", "5".
std::optional<double> LeadingNumber(const std::string& text) {
  double value = 0;
  const auto done = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = done.ec == std::errc() && (done.ptr == text.data() + text.size() || *done.ptr == ' ');
  return whole ? std::optional(value) : std::nullopt;
}

// "Drain and Reset" as NVML's adapter calls it: "drain-and-reset".
std::string Dashed(std::string text) {
  for (char& c : text) c = c == ' ' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

// One <gpu>: each value becomes a reading.
class SmiGpu {
 public:
  SmiGpu(const XmlElement& gpu, std::size_t index, GpuProcesses& all, Sink& sink) : gpu_(gpu), all_(all), sink_(sink) {
    std::string bus = gpu.attributes.contains("id") ? gpu.attributes.at("id") : std::string();  // "00000000:18:00.0"
    bus = bus.substr(0, bus.find('.'));
    if (bus.starts_with("0000")) bus.erase(0, 4);
    scope_ = bus.empty() ? Cat("GPU ", index) : Cat("GPU ", index, " at ", bus);
  }

  void All() {
    Word("gpu.model", "product_name", AsItIs);
    Word("gpu.uuid", "uuid", AsItIs);
    Word("gpu.ecc_mode", "ecc_mode/current_ecc", OnOff);
    Word("gpu.persistence", "persistence_mode", OnOff);
    Recovery();
    Errors();
    Word("gpu.remap_failed", "remapped_rows/remapped_row_failure", Dashed);
    Word("gpu.remap_pending", "remapped_rows/remapped_row_pending", Dashed);
    Number("gpu.remap_uncorrected", "remapped_rows/remapped_row_unc");
    // Renamed with driver 510.
    const char* retired =
        gpu_.At("retired_pages/pending_blacklist") ? "retired_pages/pending_blacklist" : "retired_pages/pending_retirement";
    Word("gpu.retired_pending", retired, Dashed);
    Throttle();
    Number("gpu.temperature", "temperature/gpu_temp");
    Generation();
    Number("gpu.pcie_replays", "pci/replay_counter");
    Fabric();
    Processes();
  }

  std::string Kind() const { return Cat(gpu_.TextAt("product_name"), ' ', gpu_.TextAt("vbios_version")); }

 private:
  static std::string AsItIs(std::string text) { return text; }
  static std::string OnOff(std::string text) { return text == "Enabled" ? "on" : "off"; }

  std::string Said(std::string_view path, const std::string& text) const { return Cat("nvidia-smi -q -x: ", path, ": ", text); }
  void NotTold(const char* check, std::string_view path) { sink_.Moot(check, scope_, Cat("nvidia-smi does not tell ", path)); }
  void Word(const char* check, std::string_view path, std::string (*as)(std::string)) {
    const std::string text = Clip(Printable(gpu_.TextAt(path)), 100);
    if (!IsTold(text)) return NotTold(check, path);
    sink_.Word(check, scope_, as(text), Said(path, text));
  }
  void Number(const char* check, std::string_view path) {
    const std::string text = gpu_.TextAt(path);
    const auto number = LeadingNumber(text);
    if (number) return sink_.Number(check, scope_, *number, Said(path, text));
    if (!IsTold(text)) return NotTold(check, path);
    sink_.Unread(check, scope_, Cat(Said(path, Clip(Printable(text), 60)), " is no number"));
  }

  void Recovery() {
    const std::string path = "gpu_recovery_action", text = Clip(Printable(gpu_.TextAt(path)), 100);
    if (!IsTold(text)) return NotTold("gpu.recovery_action", path);
    TellRecovery(scope_, Dashed(text), Said(path, text), sink_);
  }

  // "sram_uncorrectable", "dram_correctable" and their kin since Ampere; single and double bits before.
  void Errors() {
    const XmlElement* now = gpu_.At("ecc_errors/volatile");
    for (const bool corrected : {false, true}) {
      const char* check = corrected ? "gpu.ecc_corrected" : "gpu.ecc_uncorrected";
      const std::string old = corrected ? "ecc_errors/volatile/single_bit/total" : "ecc_errors/volatile/double_bit/total";
      if (!now || gpu_.At(old)) {
        Number(check, now ? old : std::string("ecc_errors/volatile"));
        continue;
      }
      std::optional<double> sum;
      std::string said;
      for (const XmlElement& one : now->children) {
        const bool un = one.name.find("uncorrectable") != std::string::npos;
        const auto number =
            un != corrected && one.name.find("correctable") != std::string::npos ? LeadingNumber(one.text) : std::nullopt;
        if (!number) continue;
        sum = sum.value_or(0) + *number;
        said += Cat(said.empty() ? "" : ", ", one.name, ' ', one.text);
      }
      if (!sum) {
        NotTold(check, "ecc_errors/volatile");
      } else {
        sink_.Number(check, scope_, *sum, Said("ecc_errors/volatile", said));
      }
    }
  }

  // Renamed from throttle to event reasons with driver 535.
  void Throttle() {
    const XmlElement* reasons = gpu_.At("clocks_event_reasons");
    if (!reasons) reasons = gpu_.At("clocks_throttle_reasons");
    if (!reasons || reasons->children.empty()) return NotTold("gpu.throttle", "clocks_event_reasons");
    const auto active = [&](std::string_view end) {
      return std::any_of(reasons->children.begin(), reasons->children.end(),
                         [&](const XmlElement& one) { return one.name.ends_with(end) && one.text == "Active"; });
    };
    std::vector<std::string> all;
    for (const XmlElement& one : reasons->children)
      if (one.text == "Active") all.push_back(one.name);
    const char* word = active("_hw_thermal_slowdown")       ? "hw-thermal"
                       : active("_hw_power_brake_slowdown") ? "power-brake"
                       : active("_hw_slowdown")             ? "hw-slowdown"
                       : active("_sw_thermal_slowdown")     ? "sw-thermal"
                                                            : "none";
    sink_.Word("gpu.throttle", scope_, word, Said(reasons->name, all.empty() ? std::string("none is active") : Join(all)));
  }

  void Generation() {
    const std::string link = "pci/pci_gpu_link_info/pcie_gen/";
    const auto now = LeadingNumber(gpu_.TextAt(link + "current_link_gen")),
               most = LeadingNumber(gpu_.TextAt(link + "max_link_gen")),
               busy = LeadingNumber(gpu_.TextAt("utilization/gpu_util"));
    if (!now || !most || !busy) return NotTold("gpu.pcie_generation", link);
    const std::string said = Cat("generation ", ShowNumber(*now, Unit::count), " of ", ShowNumber(*most, Unit::count),
                                 " at a utilization of ", ShowNumber(*busy, Unit::count), " %");
    if (*busy == 0 && *now < *most)
      return sink_.Moot("gpu.pcie_generation", scope_, Cat(said, ": an idle link drops its generation"));
    sink_.Number("gpu.pcie_generation", scope_, std::max(0.0, *most - *now), Said(link, said));
  }

  void Fabric() {
    const std::string state = Dashed(gpu_.TextAt("fabric/state")), status = gpu_.TextAt("fabric/status");
    if (!IsTold(gpu_.TextAt("fabric/state"))) return NotTold("gpu.fabric_state", "fabric/state");
    const bool failed = state == "completed" && IsTold(status) && status != "Success";
    sink_.Word("gpu.fabric_state", scope_, failed ? "failed" : Clip(Printable(state), 60),
               Said("fabric", Clip(Printable(Cat("state ", state, ", status ", status)), 100)));
  }

  void Processes() {
    const XmlElement* processes = gpu_.At("processes");
    if (!processes || processes->text == "N/A") return NotTold("gpu.processes", "processes");
    std::vector<GpuProcess> computing;
    for (const XmlElement& one : processes->children)
      if (one.name == "process_info" && one.TextAt("type").find('C') != std::string::npos)
        computing.push_back({.pid = ParseUnsigned(one.TextAt("pid")).value_or(0), .path = one.TextAt("process_name")});
    all_.Tell(scope_, computing, "nvidia-smi -q -x: processes that compute", sink_);
  }

  const XmlElement& gpu_;
  GpuProcesses& all_;
  std::string scope_{};
  Sink& sink_;
};

}  // namespace

Status TellNvidiaSmi(std::string_view xml, std::size_t on_bus, GpuProcesses processes, Sink& sink) {
  EVERSTEP_ASSIGN(const XmlElement log, ParseXml(xml));
  if (log.name != "nvidia_smi_log")
    return Fail(ErrorCode::kInvalid, Cat("the XML is of ", Clip(Printable(log.name), 60), ", not nvidia_smi_log"));
  std::vector<const XmlElement*> gpus;
  for (const XmlElement& one : log.children)
    if (one.name == "gpu") gpus.push_back(&one);
  const auto attached = LeadingNumber(log.TextAt("attached_gpus"));
  if (!attached || *attached != static_cast<double>(gpus.size()))
    return Fail(ErrorCode::kInvalid, Cat("attached_gpus is \"", Clip(Printable(log.TextAt("attached_gpus")), 20), "\", and ",
                                         Count(gpus.size(), "GPU"), " follow"));
  sink.Word("gpu.nvml", "", "answers", Cat("nvidia-smi -q -x: driver ", Clip(Printable(log.TextAt("driver_version")), 60)));
  sink.Number("gpu.missing", "", static_cast<double>(on_bus) - static_cast<double>(gpus.size()),
              Cat(on_bus, " on the PCI bus, ", gpus.size(), " in nvidia-smi -q -x"));
  std::set<std::string> kinds;
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    SmiGpu gpu(*gpus[i], i, processes, sink);
    gpu.All();
    kinds.insert(gpu.Kind());
  }
  if (!gpus.empty()) processes.TellDaemons(sink);
  if (!gpus.empty())
    sink.Number("gpu.kinds", "", static_cast<double>(kinds.size()),
                Clip(Printable(Join({kinds.begin(), kinds.end()}, "; ")), 300));
  for (const char* check : {"gpu.nvlink_down", "gpu.nvlink_errors"})
    sink.Absent(check, "nvidia-smi -q tells nothing of NVLinks");
  return {};
}

void TellRecovery(const std::string& scope, const std::string& asked, std::string evidence, Sink& sink) {
  const auto says = [&](std::string_view word) { return asked.find(word) != std::string::npos; };
  const Action action = says("reboot") ? Action::reboot : says("reset") ? Action::reset : Action::drain;
  const bool known = action != Action::drain || says("drain");
  sink.Take({.check = "gpu.recovery_action",
             .scope = scope,
             .word = known ? std::string(Name(action)) : asked,
             .means = Cat("the driver asks for ", asked),
             .evidence = std::move(evidence)});
}

}  // namespace everstep::health
