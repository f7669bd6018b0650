#include "collectives/ofi/endpoint.h"

#include <rdma/fi_cm.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_tagged.h>
#include <sched.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "collectives/ofi/registration.h"

namespace everstep {
namespace {

tl::unexpected<Error> FabricFailed(std::string_view doing, std::int64_t error) {
  return Fail(error == -FI_ENOMEM ? ErrorCode::kExhausted : ErrorCode::kIo,
              Cat("libfabric cannot ", doing, ": ", fi_strerror(static_cast<int>(-error))));
}

}  // namespace

Result<std::unique_ptr<Endpoint>> Endpoint::Open(FabricInfo info) {
  std::unique_ptr<Endpoint> self(new Endpoint);
  self->info_ = std::move(info);
  fi_info* asked = self->info_.get();
  const auto open = [](auto& owned, int error, auto* made, std::string_view doing) -> Status {
    if (error != 0) return FabricFailed(doing, error);
    owned.reset(made);
    return {};
  };
  fid_fabric* fabric = nullptr;
  int error = fi_fabric(asked->fabric_attr, &fabric, nullptr);
  EVERSTEP_TRY(open(self->fabric_, error, fabric, "open the fabric"));
  fid_domain* domain = nullptr;
  error = fi_domain(fabric, asked, &domain, nullptr);
  EVERSTEP_TRY(open(self->domain_, error, domain, Cat("open the domain ", asked->domain_attr->name)));
  EVERSTEP_TRY(self->OpenQueue());
  fi_av_attr peers_attributes{};
  peers_attributes.type = FI_AV_TABLE;
  fid_av* peers = nullptr;
  error = fi_av_open(domain, &peers_attributes, &peers, nullptr);
  EVERSTEP_TRY(open(self->peers_, error, peers, "open an address table"));
  fid_ep* endpoint = nullptr;
  error = fi_endpoint(domain, asked, &endpoint, nullptr);
  EVERSTEP_TRY(open(self->endpoint_, error, endpoint, "open an endpoint"));
  if (error = fi_ep_bind(endpoint, &self->queue_->fid, FI_TRANSMIT | FI_RECV); error != 0)
    return FabricFailed("bind the queue", error);
  if (error = fi_ep_bind(endpoint, &peers->fid, 0); error != 0) return FabricFailed("bind the addresses", error);
  if (error = fi_enable(endpoint); error != 0) return FabricFailed("enable the endpoint", error);
  std::array<char, 512> name{};
  std::size_t size = name.size();
  if (error = fi_getname(&endpoint->fid, name.data(), &size); error != 0) return FabricFailed("tell its own address", error);
  self->address_.assign(name.data(), size);
  return self;
}

// With a file descriptor to wait for, best; with whatever the provider waits by; without, as EFA's only.
Status Endpoint::OpenQueue() {
  fi_cq_attr attributes{};
  attributes.format = FI_CQ_FORMAT_CONTEXT;
  attributes.size = info_->tx_attr->size + info_->rx_attr->size;
  fid_cq* queue = nullptr;
  int error = 0;
  for (const fi_wait_obj wait : {FI_WAIT_FD, FI_WAIT_UNSPEC, FI_WAIT_NONE}) {
    attributes.wait_obj = wait;
    error = fi_cq_open(domain_.get(), &attributes, &queue, nullptr);
    if (error != 0) continue;
    queue_.reset(queue);
    sleeps_ = wait != FI_WAIT_NONE;
    int fd = -1;
    if (wait == FI_WAIT_FD && fi_control(&queue->fid, FI_GETWAIT, &fd) == 0) wait_fd_ = fd;
    return {};
  }
  return FabricFailed("open a completion queue", error);
}

bool Endpoint::MaySleep() {
  fid* queue = &queue_->fid;
  return fi_trywait(fabric_.get(), &queue, 1) == FI_SUCCESS;
}

Status Endpoint::AddPeers(const std::vector<std::string>& addresses) {
  for (const std::string& address : addresses) {
    fi_addr_t to = FI_ADDR_UNSPEC;
    if (fi_av_insert(peers_.get(), address.data(), 1, &to, 0, nullptr) != 1)
      return Fail(ErrorCode::kCorrupt, Cat("libfabric does not take the address of rank ", to_.size()),
                  "does that rank use the same provider and version of libfabric?");
    to_.push_back(to);
  }
  return {};
}

Result<Registration> Endpoint::Register(const void* data, std::size_t bytes) {
  if ((info_->domain_attr->mr_mode & FI_MR_LOCAL) == 0) return Registration{};
  return RegisterAlways(data, bytes);
}

Result<Registration> Endpoint::RegisterAlways(const void* data, std::size_t bytes) {
  fid_mr* mr = nullptr;
  const int error = fi_mr_reg(domain_.get(), data, bytes, FI_SEND | FI_RECV, 0, 0, 0, &mr, nullptr);
  if (error == 0) return Registration{Owned<fid_mr>(mr)};
  return Fail(CannotRegister(bytes, domain(), fi_strerror(-error), LockLimit()));
}

Result<bool> Endpoint::Posted(ssize_t result, const Operation& operation) const {
  if (result == 0) return true;
  if (result == -FI_EAGAIN) return false;
  return FabricFailed(Cat(operation.sends ? "send to rank " : "receive from rank ", operation.peer), result);
}

Result<bool> Endpoint::Send(Operation& operation, const void* data, std::size_t bytes, void* description) {
  operation.sends = true;
  operation.bytes = bytes;
  return Posted(fi_tsend(endpoint_.get(), data, bytes, description, to_[operation.peer], operation.tag, &operation.context),
                operation);
}

Result<bool> Endpoint::Receive(Operation& operation, void* data, std::size_t bytes, void* description) {
  operation.sends = false;
  operation.bytes = bytes;
  return Posted(fi_trecv(endpoint_.get(), data, bytes, description, FI_ADDR_UNSPEC, operation.tag, 0, &operation.context),
                operation);
}

void Endpoint::Cancel(Operation& operation) { fi_cancel(&endpoint_->fid, &operation.context); }

Result<std::size_t> Endpoint::Poll() {
  std::array<fi_cq_entry, 16> entries{};
  return Mark(entries.data(), fi_cq_read(queue_.get(), entries.data(), entries.size()));
}

Result<std::size_t> Endpoint::PollAfterSleep(Duration most) {
  if (!sleeps_) {
    sched_yield();
    return Poll();
  }
  std::array<fi_cq_entry, 16> entries{};
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(most).count();
  const ssize_t got = fi_cq_sread(queue_.get(), entries.data(), entries.size(), nullptr, static_cast<int>(milliseconds));
  return Mark(entries.data(), got == -FI_ETIMEDOUT || got == -FI_EINTR || got == -FI_ECANCELED ? -FI_EAGAIN : got);
}

Result<std::size_t> Endpoint::Mark(const fi_cq_entry* entries, ssize_t got) {
  if (got == -FI_EAGAIN) return 0;
  if (got > 0) {
    for (ssize_t i = 0; i < got; ++i) {
      auto* operation = static_cast<Operation*>(entries[i].op_context);
      operation->done = true;
      (operation->sends ? moved_.sent : moved_.received) += operation->bytes;
    }
    return static_cast<std::size_t>(got);
  }
  if (got != -FI_EAVAIL) return FabricFailed("read the completion queue", got);
  fi_cq_err_entry failed{};
  if (fi_cq_readerr(queue_.get(), &failed, 0) != 1)
    return Fail(ErrorCode::kIo, "libfabric has an error and does not say which");
  auto* operation = static_cast<Operation*>(failed.op_context);
  if (operation == nullptr) return Fail(ErrorCode::kIo, Cat("libfabric: ", fi_strerror(failed.err)));
  operation->done = true;
  operation->error = fi_strerror(failed.err);
  return 1;
}

}  // namespace everstep
