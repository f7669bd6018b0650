// What a reading verb prints, in the form that was asked for, once or whenever it changes (--watch).
//
//   everstep jobs -o yaml        Page page = PageOf(cli, reply.jobs, [&] { return Render(…); });
//   everstep jobs --watch        return ShowPages(cli, [&] { return JobsPage(cli, request); });
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "launcher/cli/cli.h"
#include "launcher/cli/text_table.h"
#include "launcher/cli/view_json.h"

namespace everstep {

struct Page {
  std::string text{};      // for stdout, whole
  std::string notice{};    // for stderr: why `text` is empty
  std::string identity{};  // a line for each item; a page that is watched has changed when this has
  bool last = false;       // no page after this one will differ
};

// JSON as the same data in YAML: blocks, two blanks a level, texts in quotes unless every YAML reader takes them for texts.
std::string YamlOf(std::string_view json);

// One JSON document a line: each item of a list, or the view itself.
template <class T>
std::string ViewLines(const T& view) {
  return ViewJson(view);
}
template <class T>
std::string ViewLines(const std::vector<T>& views) {
  std::string lines;
  for (const T& view : views) lines += ViewJson(view);
  return lines;
}

// REQUIRES: !ForPeople(format).
template <class T>
std::string ViewData(OutputFormat format, const T& view) {
  if (format == OutputFormat::jsonl) return ViewLines(view);
  return format == OutputFormat::yaml ? YamlOf(ViewJson(view)) : ViewJson(view);
}

// `text()` makes the table or the paragraphs for people.
template <class T, class Text>
Page PageOf(const Cli& cli, const T& view, Text text) {
  return {.text = ForPeople(cli.output) ? text() : ViewData(cli.output, view), .identity = ViewLines(view)};
}

// The table's style that the flags ask for: only -o table is made to fit the terminal.
inline TableStyle StyleOf(const Cli& cli) {
  return {.titles = cli.titles,
          .columns = cli.output == OutputFormat::table ? cli.console.out.columns : std::nullopt,
          .colour = cli.console.out.colour};
}

// What of `now` has to be printed after `before`, where nothing can be printed over: all of it when something has changed, as
// JSON lines only the items that have.
std::string ChangedText(OutputFormat format, const Page& before, const Page& now);

// Prints the page of `fetch`; with --watch again whenever it changes, on a terminal in place of the one before, until the last
// one or Ctrl-C. A launcher that goes away is a remark, once there was a page.
Result<int> ShowPages(const Cli& cli, const std::function<Result<Page>()>& fetch);

}  // namespace everstep
