// One endpoint on one NIC: tagged messages to ranks by number. Thin: posts, completions, errors; no decision.
//
// One thread. An Operation must stay where it is until it has completed; its buffer, too. Nothing here waits.
#pragma once

#include <rdma/fabric.h>
#include <rdma/fi_endpoint.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "collectives/core/proof.h"
#include "collectives/ofi/provider.h"

namespace everstep {

// A message on its way. `context` is libfabric's while it is.
struct Operation {
  fi_context2 context{};
  std::uint32_t peer = 0;
  std::uint64_t tag = 0;
  std::uint32_t rail = 0;  // which of the own endpoints
  bool sends = false;
  std::size_t bytes = 0;
  bool done = false;
  std::string error{};  // of libfabric; empty: none
  std::size_t user = 0;
};

struct CloseFid {
  template <class F>
  void operator()(F* fid) const {
    fi_close(&fid->fid);
  }
};
template <class F>
using Owned = std::unique_ptr<F, CloseFid>;

// Memory that the NIC may read and write; empty where the provider does not need to be told.
struct Registration {
  Owned<fid_mr> mr{};
  void* Description() const { return mr ? fi_mr_desc(mr.get()) : nullptr; }
};

class Endpoint {
 public:
  // kExhausted where memory cannot be locked: the limit and how to raise it.
  static Result<std::unique_ptr<Endpoint>> Open(FabricInfo info);

  std::string provider() const { return info_->fabric_attr->prov_name; }
  std::string domain() const { return info_->domain_attr->name; }
  std::size_t message_max() const { return info_->ep_attr->max_msg_size; }
  // Numeric; empty where addresses are not IP's.
  std::string ip() const { return NumericAddress(*info_); }
  const std::string& address() const { return address_; }

  // The addresses of all ranks, in order.
  Status AddPeers(const std::vector<std::string>& addresses);

  Result<Registration> Register(const void* data, std::size_t bytes);
  // Also where the provider would not need it.
  Result<Registration> RegisterAlways(const void* data, std::size_t bytes);

  // Payload of all messages that have arrived, or have been taken by the other side.
  const MovedBytes& moved() const { return moved_; }

  // false: no room now, complete something first.
  Result<bool> Send(Operation& operation, const void* data, std::size_t bytes, void* description);
  Result<bool> Receive(Operation& operation, void* data, std::size_t bytes, void* description);

  // Asks that it come to its end; it must stay all the same until then, or as long as the endpoint.
  void Cancel(Operation& operation);

  // Marks operations done, with their errors. Returns how many.
  Result<std::size_t> Poll();
  // The same, after waiting for something to complete, but no longer than `most`: whoever waits for long leaves the core to
  // others. Where the provider cannot sleep (EFA's), without waiting.
  Result<std::size_t> PollAfterSleep(Duration most);
  // What becomes readable when something has completed, for who waits on several endpoints; nullopt: the provider has none.
  const std::optional<int>& wait_fd() const { return wait_fd_; }
  // Whether that is to be relied on now; else there is something to poll already.
  bool MaySleep();

 private:
  Endpoint() = default;
  Status OpenQueue();
  Result<std::size_t> Mark(const fi_cq_entry* entries, ssize_t got);
  Result<bool> Posted(ssize_t result, const Operation& operation) const;

  // Destroyed in reverse: the endpoint before what it is bound to.
  FabricInfo info_{};
  Owned<fid_fabric> fabric_{};
  Owned<fid_domain> domain_{};
  Owned<fid_cq> queue_{};
  bool sleeps_ = true;
  std::optional<int> wait_fd_{};
  Owned<fid_av> peers_{};
  Owned<fid_ep> endpoint_{};
  std::string address_{};
  std::vector<fi_addr_t> to_{};
  MovedBytes moved_{};
};

}  // namespace everstep
