#include "collectives/ofi/provider.h"

#include <netdb.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_errno.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/contains.h"
#include "base/text.h"

namespace everstep {
namespace {

// Best first. "verbs" has reliable unconnected endpoints through rxm only; "net" and "sockets" are half as fast as tcp, or
// worse, and never chosen unasked.
constexpr std::array<std::string_view, 4> kRanking = {"efa", "verbs;ofi_rxm", "tcp", "tcp;ofi_rxm"};

bool IsCalled(std::string_view whole, std::string_view wanted) {
  return whole == wanted || (whole.starts_with(wanted) && whole.substr(wanted.size()) == ";ofi_rxm");
}

std::optional<std::size_t> RankOf(const std::string& provider) {
  const auto found = std::find(kRanking.begin(), kRanking.end(), provider);
  return found == kRanking.end() ? std::nullopt : std::optional(static_cast<std::size_t>(found - kRanking.begin()));
}

std::string Listed(const std::vector<ProviderRow>& rows) {
  std::vector<std::string> told;
  for (const ProviderRow& row : rows) {
    const std::string one = Cat(row.provider, " on ", row.domain);
    if (!Contains(told, one)) told.push_back(one);
  }
  return told.empty() ? "none at all" : Join(told);
}

std::string NumericAddress(const fi_info& info) {
  if (info.src_addr == nullptr || (info.addr_format != FI_SOCKADDR_IN && info.addr_format != FI_SOCKADDR_IN6)) return "";
  char text[NI_MAXHOST];
  if (getnameinfo(static_cast<const sockaddr*>(info.src_addr), static_cast<socklen_t>(info.src_addrlen), text, sizeof text,
                  nullptr, 0, NI_NUMERICHOST) != 0)
    return "";
  return std::string(text, std::string_view(text).find('%') == std::string_view::npos ? std::string_view(text).size()
                                                                                      : std::string_view(text).find('%'));
}

FabricInfo Hints() {
  FabricInfo hints(fi_allocinfo());
  hints->ep_attr->type = FI_EP_RDM;
  hints->caps = FI_TAGGED;
  hints->mode = FI_CONTEXT | FI_CONTEXT2;
  hints->domain_attr->mr_mode = FI_MR_LOCAL | FI_MR_VIRT_ADDR | FI_MR_ALLOCATED | FI_MR_PROV_KEY;
  hints->domain_attr->threading = FI_THREAD_DOMAIN;
  hints->domain_attr->av_type = FI_AV_TABLE;
  return hints;
}

}  // namespace

Result<std::size_t> PickProvider(const std::vector<ProviderRow>& rows, const ProviderWish& wish) {
  std::vector<std::size_t> fit;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (wish.provider.empty() ? RankOf(rows[i].provider).has_value() : IsCalled(rows[i].provider, wish.provider))
      fit.push_back(i);
  if (fit.empty() && !wish.provider.empty())
    return Fail(ErrorCode::kNotFound, Cat("provider ", wish.provider, " was asked for and libfabric has none here"),
                Cat("it lists: ", Listed(rows)));
  if (fit.empty())
    return Fail(ErrorCode::kNotFound, "libfabric lists no provider that is fit for a check", Cat("it lists: ", Listed(rows)));
  if (wish.provider.empty()) {
    const auto best = std::min_element(fit.begin(), fit.end(),
                                       [&](auto a, auto b) { return *RankOf(rows[a].provider) < *RankOf(rows[b].provider); });
    const std::string provider = rows[*best].provider;
    std::erase_if(fit, [&](std::size_t i) { return rows[i].provider != provider; });
  }
  // "tcp" is itself (from libfabric 1.18 on) or what rxm makes of it: all ranks must come to the same, wherever it stands in
  // their lists.
  const auto exact = std::find_if(fit.begin(), fit.end(), [&](std::size_t i) { return rows[i].provider == wish.provider; });
  const std::string provider = rows[exact == fit.end() ? fit[0] : *exact].provider;
  std::erase_if(fit, [&](std::size_t i) { return rows[i].provider != provider; });
  if (!wish.interface.empty()) {
    std::erase_if(fit, [&](std::size_t i) { return rows[i].domain != wish.interface; });
    if (fit.empty())
      return Fail(ErrorCode::kNotFound, Cat("provider ", provider, " has no interface ", wish.interface),
                  Cat("libfabric lists: ", Listed(rows)));
  }
  // Where addresses are IP's, another interface than the one by which the ranks met might not reach the others at all.
  std::vector<std::size_t> here = fit;
  std::erase_if(here, [&](std::size_t i) { return rows[i].address != wish.address; });
  if (!here.empty() && !wish.address.empty()) return here[0];
  const bool by_ip = std::any_of(fit.begin(), fit.end(), [&](std::size_t i) { return !rows[i].address.empty(); });
  if (by_ip && !wish.address.empty() && wish.interface.empty())
    return Fail(ErrorCode::kNotFound,
                Cat("provider ", provider, " has no interface with the address ", wish.address, " by which the ranks have met"),
                Cat("name one with --interface; libfabric lists: ", Listed(rows)));
  return fit[0];
}

Result<FabricInfo> FindProvider(const ProviderWish& wish) {
  const FabricInfo hints = Hints();
  fi_info* list = nullptr;
  const std::uint32_t version = std::min<std::uint32_t>(fi_version(), FI_VERSION(1, 20));
  const int error = fi_getinfo(version, nullptr, nullptr, 0, hints.get(), &list);
  const FabricInfo owned(list);
  if (error != 0 && error != -FI_ENODATA)
    return Fail(ErrorCode::kIo, Cat("libfabric cannot list its providers: ", fi_strerror(-error)));
  std::vector<ProviderRow> rows;
  std::vector<const fi_info*> infos;
  for (const fi_info* info = list; info != nullptr; info = info->next) {
    rows.push_back(
        {.provider = info->fabric_attr->prov_name, .domain = info->domain_attr->name, .address = NumericAddress(*info)});
    infos.push_back(info);
  }
  EVERSTEP_ASSIGN(const std::size_t picked, PickProvider(rows, wish));
  return FabricInfo(fi_dupinfo(infos[picked]));
}

std::optional<std::string> RdmaDeviceOf(const std::string& provider, const std::string& domain) {
  if (!provider.starts_with("efa") && !provider.starts_with("verbs")) return std::nullopt;
  for (const std::string_view ending : {"-rdm", "-dgrm", "-xrc"})
    if (domain.ends_with(ending)) return domain.substr(0, domain.size() - ending.size());
  return domain;
}

std::string FabricVersion() {
  const std::uint32_t version = fi_version();
  return Cat("libfabric ", FI_MAJOR(version), ".", FI_MINOR(version));
}

}  // namespace everstep
