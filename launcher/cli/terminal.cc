#include "launcher/cli/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

#include "base/text.h"

namespace everstep {

namespace {

constexpr std::size_t kNarrowest = 40;

bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xc0u) == 0x80u; }

Terminal Look(int fd, const yaml::Environment& environment) {
  Terminal terminal{.attended = isatty(fd) == 1};
  if (!terminal.attended) return terminal;
  terminal.colour = environment("NO_COLOR").value_or("").empty() && environment("TERM").value_or("dumb") != "dumb";
  winsize size{};
  terminal.columns = 80;
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) terminal.columns = size.ws_col;
  if (size.ws_row > 0) terminal.rows = size.ws_row;
  if (*terminal.columns < kNarrowest) terminal.columns = kNarrowest;
  return terminal;
}

std::string_view Code(Style style) {
  switch (style) {
    case Style::plain: return "";
    case Style::bold: return "\x1b[1m";
    case Style::dim: return "\x1b[2m";
    case Style::red: return "\x1b[31m";
    case Style::green: return "\x1b[32m";
    case Style::yellow: return "\x1b[33m";
    case Style::cyan: return "\x1b[36m";
  }
  return "";
}

// 0, or the errno of what could not be written.
int WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
      ::poll(&room, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

std::atomic<int> lost_output{0};  // the first errno of stdout, which is one a process

}  // namespace

Console ConsoleOfProcess(const yaml::Environment& environment) {
  return {.out = Look(STDOUT_FILENO, environment), .err = Look(STDERR_FILENO, environment)};
}

std::string Paint(const Terminal& terminal, Style style, std::string_view text) {
  if (!terminal.colour || style == Style::plain || text.empty()) return std::string(text);
  return Cat(Code(style), text, "\x1b[0m");
}

std::size_t Columns(std::string_view text) {
  std::size_t columns = 0;
  for (const char c : text) columns += Continues(c) ? 0 : 1;
  return columns;
}

std::string CutToColumns(std::string_view text, std::size_t columns) {
  if (Columns(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::size_t end = 0;
  for (std::size_t seen = 0; end < text.size(); ++end)
    if (!Continues(text[end]) && ++seen == columns) break;
  return Cat(text.substr(0, end), "…");
}

std::string Wrap(std::string_view text, std::size_t width, std::size_t indent) {
  std::string out;
  std::size_t used = 0;
  for (const std::string& word : Split(text, ' ')) {
    if (used > 0 && used + 1 + Columns(word) > width) {
      out += Cat('\n', std::string(indent, ' '));
      used = 0;
    }
    if (used > 0) out += ' ';
    out += word;
    used += (used > 0 ? 1 : 0) + Columns(word);
  }
  return out;
}

std::string WrapLines(const Terminal& terminal, std::string_view text, std::size_t indent) {
  if (!terminal.columns) return std::string(text);
  std::vector<std::string> lines = Split(text, '\n');
  for (std::string& line : lines) line = Wrap(line, *terminal.columns - indent, indent);
  return Join(lines, "\n");
}

void WriteOut(std::string_view text) {
  const int error = WriteAll(STDOUT_FILENO, text);
  if (error != 0 && lost_output == 0) lost_output = error;
}
Status OutputArrived() {
  const int error = lost_output;
  if (error == 0 || error == EPIPE) return {};
  return FailErrno(error, "write to", "stdout");
}
bool OutputIsGone() { return lost_output != 0; }
void WriteErr(std::string_view text) { (void)WriteAll(STDERR_FILENO, text); }

}  // namespace everstep
