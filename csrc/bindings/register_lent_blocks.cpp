#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/register.hpp"
#include "bindings/result_arrays.hpp"

namespace py = pybind11;

namespace framering::bindings {

namespace {

// Equal parts of one memory, each lent to Python as an array until nobody refers to it any more.
// Only one process lends; others may share the memory.
//
// A block is given back with the last array, or tensor, over it, in any thread: the release of its
// flag there and the acquisition in lend() order what was read from it before what is written into
// it next.
class LentBlocks {
 public:
  explicit LentBlocks(py::array memory) : memory_(std::move(memory)) {
    if (memory_.ndim() == 0) {
      throw py::value_error("memory: expected uint8 (blocks, ...), got " + describe(memory_));
    }
    data_ = writable_bytes(memory_, static_cast<std::uint64_t>(memory_.nbytes()), "memory",
                           "uint8 (blocks, ...)");
    lent_ = std::make_shared<Flags>(static_cast<std::size_t>(memory_.shape(0)));
  }

  // The first block that nobody refers to, with its index; nothing where all are lent.
  [[nodiscard]] std::optional<std::pair<std::size_t, py::array>> lend() const {
    for (std::size_t index = 0; index < lent_->size(); ++index) {
      std::atomic<bool>& lent = (*lent_)[index];
      if (lent.load(std::memory_order_acquire)) {
        continue;
      }
      auto borrower = std::make_unique<Borrower>(Borrower{memory_, lent_, index});
      const py::capsule owner(borrower.get(), [](void* borrowed) {
        const std::unique_ptr<Borrower> its(static_cast<Borrower*>(borrowed));
        (*its->lent)[its->index].store(false, std::memory_order_release);
      });
      [[maybe_unused]] const Borrower* const owned = borrower.release();  // by the capsule
      lent.store(true, std::memory_order_relaxed);
      const Shape shape(memory_.shape() + 1, memory_.shape() + memory_.ndim());
      const auto* block = data_ + static_cast<py::ssize_t>(index) * memory_.strides(0);
      return std::pair(index, py::array(memory_.dtype(), shape, block, owner));
    }
    return std::nullopt;
  }

 private:
  using Flags = std::vector<std::atomic<bool>>;

  // What the arrays over a block keep.
  struct Borrower {
    py::array memory;
    std::shared_ptr<Flags> lent;
    std::size_t index;
  };

  py::array memory_;
  const std::uint8_t* data_ = nullptr;
  std::shared_ptr<Flags> lent_;
};

}  // namespace

void register_lent_blocks(py::module_& module) {
  py::class_<LentBlocks>(module, "LentBlocks",
                         "Blocks of one memory, lent until nobody refers to them any more.")
      .def(py::init<py::array>(), py::arg("memory"))
      .def("lend", &LentBlocks::lend);
}

}  // namespace framering::bindings
