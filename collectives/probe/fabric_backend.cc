#include "collectives/probe/fabric_backend.h"

#include <limits>
#include <optional>

#include "base/text.h"
#include "collectives/core/choice.h"
#include "collectives/ofi/carry.h"
#include "collectives/ofi/registration.h"
#include "collectives/probe/fabric_peers.h"
#include "collectives/probe/link_measure.h"
#include "collectives/probe/link_state.h"

namespace everstep {
namespace {

std::vector<std::string> NamesOf(const Rails& rails) {
  std::vector<std::string> names;
  for (std::uint32_t rail = 0; rail < rails.size(); ++rail) names.push_back(rails[rail].domain());
  return names;
}

class FabricBackend final : public Backend {
 public:
  FabricBackend(const ProbeOptions& options, Company company, Clock& clock, std::unique_ptr<Carrier> carrier)
      : options_(options), company_(std::move(company)), clock_(clock), carrier_(std::move(carrier)) {}

  std::string Library() const override { return FabricVersion(); }
  std::string Device() const override { return Cat(carrier_->over().provider(), " ", Join(NamesOf(carrier_->over()), ",")); }

  Status Reserve(std::size_t bytes) override;
  std::byte* Image(Side side) override { return side == Side::source ? source_.data() : result_.data(); }
  Status Prepare(const CollectiveRun& run) override;
  Result<double> Timed(const CollectiveRun& run, std::uint32_t times) override;
  Result<std::vector<WrongHop>> Check(const CollectiveRun& run, const ExactData& data) override;
  std::vector<double> TakeWaits() override { return carrier_->TakeWaits(company_.ranks); }
  std::vector<RailUse> Nics() const override;
  std::vector<Registered> Register(const std::vector<std::size_t>& sizes) override;
  PairLink* Pairs() override { return carrier_.get(); }

 private:
  Result<Algorithm> Chosen(const CollectiveRun& run);
  Carried CarriedFor(const CollectiveRun& run);
  Status Once(const CollectiveRun& run, HopCheck* check);

  ProbeOptions options_;
  Company company_;
  Clock& clock_;
  std::unique_ptr<Carrier> carrier_;
  std::vector<std::byte> source_{}, result_{};
  RailMemory source_memory_{}, result_memory_{};
  std::optional<LinkModel> model_{};
  Plan plan_{};
};

std::vector<RailUse> FabricBackend::Nics() const {
  std::vector<RailUse> all;
  for (std::uint32_t rail = 0; rail < carrier_->rails(); ++rail) {
    const Endpoint& endpoint = carrier_->over()[rail];
    all.push_back({.name = endpoint.domain(),
                   .address = endpoint.ip(),
                   .rdma_device = RdmaDeviceOf(endpoint.provider(), endpoint.domain()),
                   .moved = endpoint.moved()});
  }
  return all;
}

std::vector<Registered> FabricBackend::Register(const std::vector<std::size_t>& sizes) {
  std::vector<Registered> all;
  for (std::uint32_t rail = 0; rail < carrier_->rails(); ++rail) {
    const std::string nic = carrier_->rails() > 1 ? carrier_->Nic(company_.rank, rail) : "";
    for (Registered& one : TestRegistration(carrier_->over()[rail], nic, sizes, clock_)) all.push_back(std::move(one));
  }
  return all;
}

Status FabricBackend::Reserve(std::size_t bytes) {
  source_.resize(bytes);
  result_.resize(bytes);
  EVERSTEP_ASSIGN(source_memory_, carrier_->over().Register(source_.data(), bytes));
  EVERSTEP_ASSIGN(result_memory_, carrier_->over().Register(result_.data(), bytes));
  return {};
}

Status FabricBackend::Prepare(const CollectiveRun& run) {
  if (!options_.algorithm && !model_) {
    model_ = LinkModel{};
    if (company_.ranks > 1) {
      EVERSTEP_ASSIGN(model_, MeasureLinks(*carrier_, company_, run.type, options_.seed, clock_));
    }
    (void)TakeWaits();
  }
  EVERSTEP_ASSIGN(const Algorithm algorithm, Chosen(run));
  plan_ = PlanFor(run.collective, algorithm, company_.ranks, company_.rank);
  return {};
}

// All ranks learn what the slowest of them took, so all choose alike.
Result<Algorithm> FabricBackend::Chosen(const CollectiveRun& run) {
  if (options_.algorithm) return *options_.algorithm;
  const std::vector<Choice> candidates = WorthATrial(run.collective, company_.ranks, run.shape.bytes, *model_);
  if (candidates.size() == 1) return candidates.front().algorithm;
  const TrialSize trial = TrialOf(candidates.front().seconds);
  std::vector<double> best(candidates.size(), std::numeric_limits<double>::infinity());
  for (std::uint32_t round = 0; round <= trial.rounds; ++round)
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      plan_ = PlanFor(run.collective, candidates[i].algorithm, company_.ranks, company_.rank);
      EVERSTEP_ASSIGN(const double own, Timed(run, trial.runs));
      EVERSTEP_ASSIGN(const double slowest, company_.Largest(own / trial.runs));
      if (round > 0) best[i] = std::min(best[i], slowest);  // the first one connects and warms
    }
  return ChooseTried(candidates, best).algorithm;
}

Carried FabricBackend::CarriedFor(const CollectiveRun& run) {
  Carried carried{.type = run.type,
                  .operation = run.operation,
                  .source = source_.data(),
                  .buffer = result_.data(),
                  .elements = run.shape.bytes / run.shape.element,
                  .source_memory = &source_memory_,
                  .buffer_memory = &result_memory_};
  if (run.in_place) {
    carried.source = carried.buffer;
    carried.source_memory = carried.buffer_memory;
  }
  return carried;
}

Status FabricBackend::Once(const CollectiveRun& run, HopCheck* check) {
  EVERSTEP_TRY(carrier_->Run(plan_, CarriedFor(run), check));
  if (const ResultRange range = ResultOf(run, company_.rank); run.operation == ReduceOperation::avg && range.count > 0)
    Divide(run.type, result_.data() + range.first * run.shape.element, range.count, company_.ranks);
  return {};
}

Result<double> FabricBackend::Timed(const CollectiveRun& run, std::uint32_t times) {
  const Time start = clock_.Now();
  for (std::uint32_t i = 0; i < times; ++i) EVERSTEP_TRY(Once(run, nullptr));
  return Seconds(clock_.Now() - start);
}

Result<std::vector<WrongHop>> FabricBackend::Check(const CollectiveRun& run, const ExactData& data) {
  HopCheck check{.data = &data, .sources = {}, .wrong = {}};
  if (company_.ranks <= kSourcesRanksMax)
    check.sources = IncomingSources(run.collective, plan_.algorithm, company_.ranks, company_.rank);
  EVERSTEP_TRY(Once(run, &check));
  return check.wrong;
}

// libfabric leaves out interfaces that have no link.
Result<std::unique_ptr<Rails>> OpenRails(const ProbeOptions& options, const Company& company) {
  Result<std::vector<FabricInfo>> infos = FindRails({.provider = options.provider,
                                                     .interfaces = options.interfaces,
                                                     .address = company.address,
                                                     .rails_max = options.rails,
                                                     .place = company.PlaceOnHost(),
                                                     .ranks_here = company.RanksOnHost(),
                                                     .sends_at_once = options.test != ProbeTest::pairs});
  if (!infos)
    for (const std::string& interface : options.interfaces)
      if (!HasLink(options.root, interface))
        return Fail(infos.error().code, Cat(interface, " has no link"), infos.error().message);
  if (!infos) return Fail(infos.error());
  return Rails::Open(*std::move(infos));
}

using NicNames = std::vector<std::vector<std::string>>;  // by rank, by rail

// Everybody's NICs; their addresses are for the endpoints.
Result<NicNames> AddPeers(Rails& rails, const Company& company) {
  FabricPeer own{.version = FabricVersion(), .provider = rails.provider(), .nics = NamesOf(rails), .addresses = {}};
  for (std::uint32_t rail = 0; rail < rails.size(); ++rail) own.addresses.push_back(rails[rail].address());
  EVERSTEP_ASSIGN(const std::vector<std::string> all, company.exchange(Introduction(own)));
  EVERSTEP_ASSIGN(const std::vector<FabricPeer> peers, ReadIntroductions(all, company));
  for (std::uint32_t rail = 0; rail < rails.size(); ++rail) {
    std::vector<std::string> addresses;
    for (const FabricPeer& peer : peers) addresses.push_back(peer.addresses[rail]);
    EVERSTEP_TRY(rails[rail].AddPeers(addresses));
  }
  NicNames nics;
  for (const FabricPeer& peer : peers) nics.push_back(peer.nics);
  return nics;
}

CarryOptions CarryingOf(const ProbeOptions& options, const Company& company, const Rails& rails, NicNames nics) {
  CarryOptions carry;
  carry.rank = company.rank;
  carry.chunk_bytes = options.chunk_bytes;
  if (options.split_bytes > 0) carry.split_bytes = options.split_bytes;
  carry.timeout = options.timeout;
  carry.look = company.look;
  carry.stuck = company.stuck;
  carry.who = [company](std::uint32_t rank) { return company.Who(rank); };
  carry.down = [root = options.root, provider = rails.provider(), own = nics[company.rank]] {
    std::vector<std::string> down;
    for (std::size_t rail = 0; rail < own.size(); ++rail)
      if (!HasLink(root, RdmaDeviceOf(provider, own[rail]).value_or(own[rail])))
        down.push_back(Cat("rail ", rail, " (", own[rail], ")"));
    return Join(down);
  };
  carry.nic = [nics = std::move(nics)](std::uint32_t rank, std::uint32_t rail) {
    return Cat("rail ", rail, " (", nics[rank][rail], ")");
  };
  if (options.tamper && options.tamper->rank == company.rank) {
    carry.tamper = [round = options.tamper->round](std::uint32_t now, std::byte* data, std::size_t) {
      if (now == round) data[0] ^= std::byte{1};
    };
  }
  return carry;
}

}  // namespace

Result<std::unique_ptr<Backend>> OpenFabric(const ProbeOptions& options, const Company& company, Clock& clock) {
  EVERSTEP_ASSIGN(std::unique_ptr<Rails> rails, OpenRails(options, company));
  EVERSTEP_ASSIGN(NicNames nics, AddPeers(*rails, company));
  CarryOptions carrying = CarryingOf(options, company, *rails, std::move(nics));
  auto carrier = std::make_unique<Carrier>(std::move(rails), clock, std::move(carrying));
  return std::unique_ptr<Backend>(std::make_unique<FabricBackend>(options, company, clock, std::move(carrier)));
}

}  // namespace everstep
