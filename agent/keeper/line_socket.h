// A stream socket that carries lines, without ever blocking: what cannot be sent now waits in memory, what arrived in part
// waits for its rest. Used by both ends of the keeper's socket.
//
// Thread: its owner's. Errors end the connection: kUnavailable when the other side closed it, kExhausted when a line or the
// queue is larger than allowed.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/real/fd.h"
#include "base/result.h"

namespace everstep {

class LineSocket {
 public:
  LineSocket() = default;
  LineSocket(Fd fd, std::size_t line_bytes_max) : fd_(std::move(fd)), line_bytes_max_(line_bytes_max) {}

  bool open() const { return fd_.open(); }
  int fd() const { return fd_.get(); }
  short wanted() const;  // for poll()
  bool sent_all() const { return sent_ == out_.size(); }

  // Reads what is there, 1 MiB at most. After an error NextLine still gives the whole lines that came before it.
  Status Receive();
  std::optional<std::string> NextLine();

  // Adds the newline; sends what the socket takes now. Flush goes on when it is writable again.
  Status Send(std::string_view line);
  Status Flush();

  void Close() { fd_.Reset(); }

 private:
  Fd fd_;
  std::size_t line_bytes_max_ = 0;
  std::string in_;
  std::size_t taken_ = 0;       // of in_, given out as lines
  std::size_t scanned_ = 0;     // of in_, known to hold no newline
  std::size_t open_bytes_ = 0;  // of the line that has no end yet
  std::string out_;
  std::size_t sent_ = 0;  // of out_
};

// A client of the Unix socket at `path`, or why not: kNotFound (no socket), kUnavailable (nobody listens: its keeper is dead),
// kExhausted (somebody listens but has not accepted so many before). Paths may be longer than sockaddr_un takes.
Result<Fd> ConnectUnix(const std::string& path);
// Binds and listens; mode 0600.
Result<Fd> ListenUnix(const std::string& path);

}  // namespace everstep
