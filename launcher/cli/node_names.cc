#include "launcher/cli/node_names.h"

#include <algorithm>

#include "base/text.h"
#include "base/yaml/typo.h"
#include "launcher/cli/host_list.h"
#include "launcher/cli/output.h"

namespace everstep {

Result<std::vector<NodeView>> NodesNamed(const std::vector<NodeView>& nodes, const std::vector<std::string>& lists) {
  EVERSTEP_ASSIGN(const auto names, ExpandHostLists(lists));
  std::vector<NodeView> named;
  for (const std::string& name : names) {
    const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const NodeView& node) { return node.node.value == name; });
    if (found == nodes.end()) {
      std::vector<std::string> known;
      for (const NodeView& node : nodes) known.push_back(node.node.value);
      const std::string meant = DidYouMean(name, known);
      return Fail(ErrorCode::kNotFound, Cat("no host is called \"", Printable(name), '"'),
                  meant.empty() ? "`everstep nodes` lists them" : meant);
    }
    named.push_back(*found);
  }
  return named;
}

std::string NodesIdentity(std::vector<NodeView> nodes) {
  for (NodeView& node : nodes) node.silent_for.reset();
  return ViewLines(nodes);
}

}  // namespace everstep
