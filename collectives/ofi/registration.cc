#include "collectives/ofi/registration.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include "base/text.h"

namespace everstep {
namespace {

struct Mapping {
  void* data = MAP_FAILED;
  std::size_t bytes = 0;
  explicit Mapping(std::size_t size)
      : data(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)), bytes(size) {}
  ~Mapping() {
    if (data != MAP_FAILED) ::munmap(data, bytes);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
};

}  // namespace

std::optional<std::size_t> LockLimit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_MEMLOCK, &limit);
  return limit.rlim_cur == RLIM_INFINITY ? std::nullopt : std::optional<std::size_t>(limit.rlim_cur);
}

Error CannotRegister(std::size_t bytes, const std::string& domain, const std::string& why, std::optional<std::size_t> limit) {
  const std::string what = Cat("cannot register ", bytes >> 20, " MiB with ", domain, ": ", why);
  if (limit && *limit < bytes)
    return {ErrorCode::kExhausted, what,
            Cat("memory that may be locked is ", *limit >> 10,
                " KiB here: raise it with ulimit -l unlimited, LimitMEMLOCK=infinity in the unit of systemd, or memlock in "
                "limits.conf")};
  return {ErrorCode::kExhausted, what,
          Cat("memory that may be locked is ", limit ? Cat(*limit >> 10, " KiB") : "unlimited",
              ", which is enough: is that much memory free, and does the device take as much?")};
}

std::vector<Registered> TestRegistration(Endpoint& endpoint, const std::string& nic, const std::vector<std::size_t>& sizes,
                                         Clock& clock) {
  std::vector<Registered> all;
  for (const std::size_t bytes : sizes) {
    Registered one{.nic = nic, .bytes = bytes};
    const Mapping memory(bytes);
    if (memory.data == MAP_FAILED) {
      one.error = CannotRegister(bytes, endpoint.domain(), "there is not that much memory", LockLimit()).Str();
    } else {
      const Time start = clock.Now();
      Result<Registration> registered = endpoint.RegisterAlways(memory.data, bytes);
      const Time middle = clock.Now();
      if (registered)
        *registered = {};
      else
        one.error = registered.error().Str();
      one.register_seconds = Seconds(middle - start);
      one.deregister_seconds = Seconds(clock.Now() - middle);
    }
    all.push_back(one);
    if (!one.error.empty()) break;
  }
  return all;
}

}  // namespace everstep
