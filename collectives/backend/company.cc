#include "collectives/backend/company.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace everstep {

std::string Company::Who(std::uint32_t of) const {
  return Cat("rank ", of, of < hosts.size() && !hosts[of].empty() ? Cat(" (", hosts[of], ")") : "");
}

std::uint32_t Company::PlaceOnHost() const {
  return static_cast<std::uint32_t>(std::count(hosts.begin(), hosts.begin() + rank, hosts[rank]));
}

std::uint32_t Company::RanksOnHost() const {
  return static_cast<std::uint32_t>(std::count(hosts.begin(), hosts.end(), hosts[rank]));
}

Result<std::vector<double>> Company::Numbers(double own) const {
  char text[40];
  EVERSTEP_ASSIGN(const std::vector<std::string> all,
                  exchange(std::string(text, std::to_chars(text, text + sizeof text, own).ptr)));
  std::vector<double> numbers;
  for (const std::string& one : all) {
    double number = 0;
    const auto read = std::from_chars(one.data(), one.data() + one.size(), number);
    if (read.ec != std::errc() || read.ptr != one.data() + one.size())
      return Fail(ErrorCode::kCorrupt, Cat("rank ", numbers.size(), " sent no number"), "do all ranks run the same version?");
    numbers.push_back(number);
  }
  return numbers;
}

Result<double> Company::Mean(double own) const {
  EVERSTEP_ASSIGN(const std::vector<double> numbers, Numbers(own));
  double sum = 0;
  for (const double number : numbers) sum += number;
  return sum / static_cast<double>(numbers.size());
}

Result<double> Company::Largest(double own) const {
  EVERSTEP_ASSIGN(const std::vector<double> numbers, Numbers(own));
  return *std::max_element(numbers.begin(), numbers.end());
}

Status Company::Barrier() const {
  EVERSTEP_TRY(exchange(""));
  return {};
}

}  // namespace everstep
