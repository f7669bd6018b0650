#include "collectives/ofi/provider.h"

#include <netdb.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_errno.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
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

bool HasRdmaDevices(const std::string& provider) { return provider.starts_with("efa") || provider.starts_with("verbs"); }

// Rows of one provider: the one asked for, or the best.
Result<std::vector<std::size_t>> RowsOfProvider(const std::vector<ProviderRow>& rows, const std::string& wanted) {
  std::vector<std::size_t> fit;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (wanted.empty() ? RankOf(rows[i].provider).has_value() : IsCalled(rows[i].provider, wanted)) fit.push_back(i);
  if (fit.empty() && !wanted.empty())
    return Fail(ErrorCode::kNotFound, Cat("provider ", wanted, " was asked for and libfabric has none here"),
                Cat("it lists: ", Listed(rows)));
  if (fit.empty())
    return Fail(ErrorCode::kNotFound, "libfabric lists no provider that is fit for a check", Cat("it lists: ", Listed(rows)));
  if (wanted.empty()) {
    const auto best = std::min_element(fit.begin(), fit.end(),
                                       [&](auto a, auto b) { return *RankOf(rows[a].provider) < *RankOf(rows[b].provider); });
    const std::string provider = rows[*best].provider;
    std::erase_if(fit, [&](std::size_t i) { return rows[i].provider != provider; });
  }
  // "tcp" is itself (from libfabric 1.18 on) or what rxm makes of it: all ranks must come to the same, wherever it stands in
  // their lists.
  const auto exact = std::find_if(fit.begin(), fit.end(), [&](std::size_t i) { return rows[i].provider == wanted; });
  const std::string provider = rows[exact == fit.end() ? fit[0] : *exact].provider;
  std::erase_if(fit, [&](std::size_t i) { return rows[i].provider != provider; });
  return fit;
}

// Of several addresses of one interface that by which the ranks have met, or the first.
Result<std::vector<std::size_t>> Named(const std::vector<ProviderRow>& rows, const std::vector<std::size_t>& fit,
                                       const ProviderWish& wish) {
  std::vector<std::size_t> rails;
  for (const std::string& interface : wish.interfaces) {
    std::vector<std::size_t> own = fit;
    std::erase_if(own, [&](std::size_t i) { return rows[i].domain != interface; });
    if (own.empty())
      return Fail(ErrorCode::kNotFound, Cat("provider ", rows[fit[0]].provider, " has no interface ", interface),
                  Cat("libfabric lists: ", Listed(rows)));
    const auto met = std::find_if(own.begin(), own.end(), [&](std::size_t i) { return rows[i].address == wish.address; });
    rails.push_back(met == own.end() ? own[0] : *met);
  }
  if (wish.rails_max > 0 && rails.size() > wish.rails_max) rails.resize(wish.rails_max);
  return rails;
}

// "mlx5_2" before "mlx5_10".
bool ByNumbers(const std::string& a, const std::string& b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (!digit(a[i]) || !digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
      continue;
    }
    const auto number = [&](const std::string& text, std::size_t& at) {
      const std::size_t begin = at;
      while (at < text.size() && digit(text[at])) ++at;
      return ParseUnsigned(std::string_view(text).substr(begin, at - begin)).value_or(0);
    };
    const std::uint64_t one = number(a, i), other = number(b, j);
    if (one != other) return one < other;
  }
  return a.size() - i < b.size() - j;
}

// A row a device.
std::vector<std::size_t> AllDevices(const std::vector<ProviderRow>& rows, std::vector<std::size_t> fit) {
  std::stable_sort(fit.begin(), fit.end(), [&](auto a, auto b) { return ByNumbers(rows[a].domain, rows[b].domain); });
  fit.erase(std::unique(fit.begin(), fit.end(), [&](auto a, auto b) { return rows[a].domain == rows[b].domain; }), fit.end());
  return fit;
}

// Ranks of one host get as many each; what is left over is nobody's.
std::vector<std::size_t> OwnShare(std::vector<std::size_t> devices, const ProviderWish& wish) {
  if (const std::size_t share = devices.size() / std::max(wish.ranks_here, 1u); share > 0) {
    devices.erase(devices.begin(), devices.begin() + static_cast<std::ptrdiff_t>(share * wish.place));
    devices.resize(share);
  }
  if (wish.rails_max > 0 && devices.size() > wish.rails_max) devices.resize(wish.rails_max);
  return devices;
}

// Over tcp, rxm asks the receiver before it sends more than this (its rendezvous), which costs two more wake-ups a message;
// what it sends at once is copied on both sides. Where ranks outnumber cores messages of 64 KiB are twice as fast at once;
// where they do not, larger ones are a third faster when asked for. libfabric's own is 16 KiB. Over verbs it must stay what it
// is (fi_rxm(7)), so where there is an RDMA device it does, unless tcp was asked for. From 1.18 on tcp goes without rxm, and
// this says nothing.
void LetTcpSendAtOnce(const std::string& provider) {
  std::error_code none;
  const bool rdma = !std::filesystem::is_empty("/sys/class/infiniband", none) && !none;
  if (provider.starts_with("tcp") || (provider.empty() && !rdma)) setenv("FI_OFI_RXM_EAGER_LIMIT", "65536", 0);
}

}  // namespace

Result<std::vector<std::size_t>> PickRails(const std::vector<ProviderRow>& rows, const ProviderWish& wish) {
  EVERSTEP_ASSIGN(const std::vector<std::size_t> fit, RowsOfProvider(rows, wish.provider));
  if (!wish.interfaces.empty()) return Named(rows, fit, wish);
  if (HasRdmaDevices(rows[fit[0]].provider)) return OwnShare(AllDevices(rows, fit), wish);
  // Another interface than the one by which the ranks met might not reach the others at all.
  std::vector<std::size_t> here = fit;
  std::erase_if(here, [&](std::size_t i) { return rows[i].address != wish.address; });
  if (!here.empty() && !wish.address.empty()) return std::vector{here[0]};
  const bool by_ip = std::any_of(fit.begin(), fit.end(), [&](std::size_t i) { return !rows[i].address.empty(); });
  if (by_ip && !wish.address.empty())
    return Fail(ErrorCode::kNotFound,
                Cat("provider ", rows[fit[0]].provider, " has no interface with the address ", wish.address,
                    " by which the ranks have met"),
                Cat("name one with --interface; libfabric lists: ", Listed(rows)));
  return std::vector{fit[0]};
}

Result<std::vector<FabricInfo>> FindRails(const ProviderWish& wish) {
  if (wish.sends_at_once) LetTcpSendAtOnce(wish.provider);
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
  EVERSTEP_ASSIGN(const std::vector<std::size_t> picked, PickRails(rows, wish));
  std::vector<FabricInfo> rails;
  for (const std::size_t row : picked) rails.emplace_back(fi_dupinfo(infos[row]));
  return rails;
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

std::optional<std::string> RdmaDeviceOf(const std::string& provider, const std::string& domain) {
  if (!HasRdmaDevices(provider)) return std::nullopt;
  for (const std::string_view ending : {"-rdm", "-dgrm", "-xrc"})
    if (domain.ends_with(ending)) return domain.substr(0, domain.size() - ending.size());
  return domain;
}

std::string FabricVersion() {
  const std::uint32_t version = fi_version();
  return Cat("libfabric ", FI_MAJOR(version), ".", FI_MINOR(version));
}

}  // namespace everstep
