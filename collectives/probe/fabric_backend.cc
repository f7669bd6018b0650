#include "collectives/probe/fabric_backend.h"

#include <optional>

#include "base/text.h"
#include "collectives/core/choice.h"
#include "collectives/ofi/carry.h"
#include "collectives/ofi/registration.h"
#include "collectives/probe/link_measure.h"

namespace everstep {
namespace {

constexpr char kBetween = '\x1f';

class FabricBackend final : public Backend {
 public:
  FabricBackend(const ProbeOptions& options, Company company, Clock& clock, std::unique_ptr<Carrier> carrier)
      : options_(options), company_(std::move(company)), clock_(clock), carrier_(std::move(carrier)) {}

  std::string Library() const override { return FabricVersion(); }
  std::string Device() const override { return Cat(carrier_->endpoint().provider(), " ", carrier_->endpoint().domain()); }

  Status Reserve(std::size_t bytes) override;
  std::byte* Image(Side side) override { return side == Side::source ? source_.data() : result_.data(); }
  Status Prepare(const CollectiveRun& run) override;
  Result<double> Timed(const CollectiveRun& run, std::uint32_t times) override;
  Result<std::vector<WrongHop>> Check(const CollectiveRun& run, const ExactData& data) override;
  std::vector<double> TakeWaits() override { return carrier_->TakeWaits(company_.ranks); }
  std::optional<std::string> RdmaDevice() const override {
    return RdmaDeviceOf(carrier_->endpoint().provider(), carrier_->endpoint().domain());
  }
  MovedBytes Moved() const override { return carrier_->endpoint().moved(); }
  std::vector<Registered> Register(const std::vector<std::size_t>& sizes) override {
    return TestRegistration(carrier_->endpoint(), sizes, clock_);
  }
  PairLink* Pairs() override { return carrier_.get(); }

 private:
  Carried CarriedFor(const CollectiveRun& run);

  ProbeOptions options_;
  Company company_;
  Clock& clock_;
  std::unique_ptr<Carrier> carrier_;
  std::vector<std::byte> source_{}, result_{};
  Registration source_registration_{}, result_registration_{};
  std::optional<LinkModel> model_{};
  Plan plan_{};
};

Status FabricBackend::Reserve(std::size_t bytes) {
  source_.resize(bytes);
  result_.resize(bytes);
  EVERSTEP_ASSIGN(source_registration_, carrier_->endpoint().Register(source_.data(), bytes));
  EVERSTEP_ASSIGN(result_registration_, carrier_->endpoint().Register(result_.data(), bytes));
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
  const Algorithm algorithm = options_.algorithm
                                  ? *options_.algorithm
                                  : ChooseAlgorithm(run.collective, company_.ranks, run.shape.bytes, *model_).algorithm;
  plan_ = PlanFor(run.collective, algorithm, company_.ranks, company_.rank);
  return {};
}

Carried FabricBackend::CarriedFor(const CollectiveRun& run) {
  Carried carried{.type = run.type,
                  .source = source_.data(),
                  .buffer = result_.data(),
                  .elements = run.shape.bytes / run.shape.element,
                  .source_description = source_registration_.Description(),
                  .buffer_description = result_registration_.Description()};
  if (run.in_place) {
    carried.source = carried.buffer;
    carried.source_description = carried.buffer_description;
  }
  return carried;
}

Result<double> FabricBackend::Timed(const CollectiveRun& run, std::uint32_t times) {
  const Carried carried = CarriedFor(run);
  const Time start = clock_.Now();
  for (std::uint32_t i = 0; i < times; ++i) EVERSTEP_TRY(carrier_->Run(plan_, carried, nullptr));
  return Seconds(clock_.Now() - start);
}

Result<std::vector<WrongHop>> FabricBackend::Check(const CollectiveRun& run, const ExactData& data) {
  HopCheck check{.data = &data, .sources = {}, .wrong = {}};
  if (company_.ranks <= kSourcesRanksMax)
    check.sources = IncomingSources(run.collective, plan_.algorithm, company_.ranks, company_.rank);
  EVERSTEP_TRY(carrier_->Run(plan_, CarriedFor(run), &check));
  return check.wrong;
}

Result<std::unique_ptr<Carrier>> OpenCarrier(const ProbeOptions& options, const Company& company, Clock& clock) {
  EVERSTEP_ASSIGN(FabricInfo info,
                  FindProvider({.provider = options.provider, .interface = options.interface, .address = company.address}));
  EVERSTEP_ASSIGN(std::unique_ptr<Endpoint> endpoint, Endpoint::Open(std::move(info)));
  CarryOptions carry;
  carry.rank = company.rank;
  carry.chunk_bytes = options.chunk_bytes;
  carry.timeout = options.timeout;
  carry.look = company.look;
  carry.stuck = company.stuck;
  carry.who = [company](std::uint32_t rank) { return company.Who(rank); };
  if (options.tamper && options.tamper->rank == company.rank) {
    carry.tamper = [round = options.tamper->round](std::uint32_t now, std::byte* data, std::size_t) {
      if (now == round) data[0] ^= std::byte{1};
    };
  }
  return std::make_unique<Carrier>(std::move(endpoint), clock, std::move(carry));
}

// Everybody's version, provider and fabric address; the addresses are for the endpoint.
Status AddPeers(Endpoint& endpoint, const Company& company) {
  const std::string between(1, kBetween);
  EVERSTEP_ASSIGN(const std::vector<std::string> all,
                  company.exchange(Cat(FabricVersion(), between, endpoint.provider(), between, endpoint.address())));
  std::vector<std::string> addresses;
  std::vector<std::string> first;
  for (std::uint32_t rank = 0; rank < company.ranks; ++rank) {
    const std::vector<std::string> parts = Split(all[rank], kBetween);
    if (parts.size() < 3)
      return Fail(ErrorCode::kConflict, Cat(company.Who(rank), " speaks another version"), "install one version everywhere");
    if (rank == 0) first = parts;
    if (parts[0] != first[0])
      return Fail(ErrorCode::kConflict, Cat(company.Who(rank), " has version ", parts[0], ", ", company.Who(0), " ", first[0]),
                  "install one version everywhere");
    if (parts[1] != first[1])
      return Fail(ErrorCode::kConflict, Cat(company.Who(rank), " has provider ", parts[1], ", ", company.Who(0), " ", first[1]),
                  "name one with --provider that all have");
    // An address is any bytes, the separator among them.
    addresses.push_back(all[rank].substr(all[rank].find(kBetween, all[rank].find(kBetween) + 1) + 1));
  }
  return endpoint.AddPeers(addresses);
}

}  // namespace

Result<std::unique_ptr<Backend>> OpenFabric(const ProbeOptions& options, const Company& company, Clock& clock) {
  EVERSTEP_ASSIGN(std::unique_ptr<Carrier> carrier, OpenCarrier(options, company, clock));
  EVERSTEP_TRY(AddPeers(carrier->endpoint(), company));
  return std::unique_ptr<Backend>(std::make_unique<FabricBackend>(options, company, clock, std::move(carrier)));
}

}  // namespace everstep
