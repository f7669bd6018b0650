// Whether an item stands in a list.
#pragma once

#include <algorithm>
#include <vector>

namespace everstep {

template <class T>
bool Contains(const std::vector<T>& items, const T& item) {
  return std::find(items.begin(), items.end(), item) != items.end();
}

}  // namespace everstep
