#include "ring/record_checks.hpp"

#include <algorithm>

namespace framering::ring {

std::uint64_t reach(const Record& record, std::uint64_t stack) {
  const auto behind = [&](std::uint64_t age) { return std::min(age, stack - 1); };
  return record.transition ? std::max(behind(record.age), record.distance + behind(record.obs_age))
                           : behind(record.age);
}

bool reads_kept_slots(const Record& record, std::uint64_t kept, std::uint64_t stack) {
  return record.distance >= 1 && record.distance <= stack && reach(record, stack) <= kept;
}

bool counts_transitions(const Record& record, std::uint64_t slot,
                        const std::optional<std::uint64_t>& before) {
  const std::uint64_t counted = record.transition ? 1 : 0;
  return record.ordinal <= slot + 1 && record.ordinal >= counted &&
         (!before || record.ordinal == *before + counted);
}

}  // namespace framering::ring
