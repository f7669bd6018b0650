#include "agent/mpi/door.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/text.h"

namespace everstep::mpi {

namespace {

constexpr int kCallersWaiting = 1024;  // mpirun starts all its remote shells at once

struct Address {
  sockaddr_un text{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&text); }
};

// Behind a zero: a name of the kernel's, no path.
Result<Address> AddressOf(const std::string& name) {
  Address address;
  address.text.sun_family = AF_UNIX;
  const std::size_t most = sizeof address.text.sun_path - 1;
  if (name.size() > most)
    return Fail(ErrorCode::kInvalid, Cat("the name ", name, " has ", name.size(), " bytes, a socket's has at most ", most),
                "give the job a shorter name");
  std::memcpy(address.text.sun_path + 1, name.data(), name.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return address;
}

bool OfTheSameUser(int fd) {
  ucred who{};
  socklen_t size = sizeof who;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.uid == ::geteuid();
}

}  // namespace

std::string DoorName(const std::string& gang, std::uint32_t rank) { return Cat("everstep-mpi/", gang, '/', rank); }

Result<Door> Door::Open(const std::string& name) {
  EVERSTEP_ASSIGN(const Address address, AddressOf(name));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::bind(fd.get(), address.get(), address.size) != 0 || ::listen(fd.get(), kCallersWaiting) != 0)
    return FailErrno(errno, "listen at", name);
  return Door(std::move(fd));
}

std::unique_ptr<Frames> Door::Accept() const {
  Fd caller(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!caller.open() || !OfTheSameUser(caller.get())) return nullptr;
  return std::make_unique<Frames>(std::move(caller));
}

Result<std::unique_ptr<Frames>> CallAt(const std::string& name) {
  EVERSTEP_ASSIGN(const Address address, AddressOf(name));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), address.get(), address.size) != 0)
    return Fail(errno == ECONNREFUSED ? ErrorCode::kNotFound : ErrorCode::kIo,
                Cat("nobody answers at ", name, ": ", std::strerror(errno)));
  if (!OfTheSameUser(fd.get())) return Fail(ErrorCode::kConflict, Cat("another user listens at ", name));
  return std::make_unique<Frames>(std::move(fd));
}

}  // namespace everstep::mpi
