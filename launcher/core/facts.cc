#include "launcher/core/facts.h"

namespace everstep {

const std::string& WhyOf(const Fact& fact) {
  return std::visit([](const auto& f) -> const std::string& { return f.why; }, fact);
}

std::string_view KindOf(const Fact& fact) {
  return std::visit([](const auto& f) { return f.kName; }, fact);
}

JobId JobOf(const Fact& fact) {
  return std::visit(
      [](const auto& f) -> JobId {
        if constexpr (requires { f.job; }) {
          return f.job;
        } else {
          return {};
        }
      },
      fact);
}

NodeId NodeOf(const Fact& fact) {
  return std::visit(
      [](const auto& f) -> NodeId {
        if constexpr (requires { f.node; }) {
          return f.node;
        } else {
          return {};
        }
      },
      fact);
}

}  // namespace everstep
