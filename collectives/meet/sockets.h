// TCP for Meeting: listen, connect, read and write with deadlines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/real/fd.h"
#include "base/result.h"
#include "base/seam/clock.h"

namespace everstep {

Result<Fd> ListenOn(std::uint16_t port);
// The port of a socket; 0: it has none.
std::uint16_t PortOf(int fd);
Result<Fd> AcceptBefore(int listener, Clock& clock, Time deadline);
// Tries again until the deadline while nobody listens: ranks start in any order.
Result<Fd> ConnectTo(const std::string& host, std::uint16_t port, Clock& clock, Time deadline);
// One try; kTimeout: nothing answered, any other error: something said no.
Result<Fd> ConnectNow(const std::string& host, std::uint16_t port, Clock& clock, Time deadline);
Status WriteAll(int fd, std::string_view bytes, Clock& clock, Time deadline);
// Exactly as many bytes.
Result<std::string> ReadExactly(int fd, std::size_t bytes, Clock& clock, Time deadline);
// Waits for readability; false: not before the deadline.
bool Readable(int fd, Clock& clock, Time deadline);
// The numeric address of this end.
std::string LocalAddressOf(int fd);

}  // namespace everstep
