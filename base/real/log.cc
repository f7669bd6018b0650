#include "base/real/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "base/text.h"

namespace everstep {

StderrLog::StderrLog()
    : logger_(std::make_shared<spdlog::logger>("everstep", std::make_shared<spdlog::sinks::stderr_color_sink_mt>())) {
  logger_->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%-7l%$ %v", spdlog::pattern_time_type::utc);
}

void StderrLog::operator()(std::string_view level, const std::string& line) const {
  if (level == "debug") return;
  const auto spd = level == "error" ? spdlog::level::err : level == "warning" ? spdlog::level::warn : spdlog::level::info;
  logger_->log(spd, "{}", Printable(line));
}

}  // namespace everstep
