// The error for a frozen window that writers have overwritten.
#pragma once

#include <stdexcept>

namespace framering::ring {

// Thrown where a writer has overwritten a part of a frozen window.
class Overrun : public std::runtime_error {
 public:
  Overrun()
      : std::runtime_error(
            "a writer has overwritten a part of the frozen window: freeze it with a "
            "larger guard, or keep writers from it") {}
};

}  // namespace framering::ring
