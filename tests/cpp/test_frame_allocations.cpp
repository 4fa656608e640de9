// Counts allocations, to verify that repeated calls allocate nothing.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "frame/atari_preprocessor.hpp"
#include "frame/resize_area.hpp"
#include "frame_fixture.hpp"

namespace {

std::atomic<std::size_t> allocations{0};

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) {
    return memory;
  }
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }

using framering::frame::AtariPreprocessor;
using framering::frame::Order;
using framering::frame::Palette;
using framering::frame::PreprocessOptions;
using framering::test::Image;

TEST_CASE("a preprocessor allocates nothing after its construction") {
  std::mt19937 generator(1);
  for (const auto path : framering::test::paths_of_this_processor()) {
    for (const Order order : {Order::gymnasium, Order::sb3, Order::cleanrl}) {
      const PreprocessOptions options{{210, 160}, {84, 84}, order, Palette::ntsc, true};
      AtariPreprocessor preprocessor(options, path);
      const Image last = framering::test::noise(pixels(options.screen), generator);
      const Image previous = framering::test::noise(pixels(options.screen), generator);
      Image out(options.output_bytes());
      const std::size_t before = allocations;
      preprocessor.process(last.data(), previous.data(), out.data());
      preprocessor.process(previous.data(), nullptr, out.data());
      preprocessor.process(last.data(), last.data(), out.data());
      CHECK(allocations == before);
    }
  }
}

TEST_CASE("a resize with the sizes of the last call allocates nothing") {
  for (const auto path : framering::test::paths_of_this_processor()) {
    const Image image(std::size_t{210} * 160 * 3, 7);
    Image out(std::size_t{84} * 84 * 3);
    framering::frame::resize_area(image.data(), {210, 160}, 3, out.data(), {84, 84}, path);
    const std::size_t before = allocations;
    framering::frame::resize_area(image.data(), {210, 160}, 3, out.data(), {84, 84}, path);
    CHECK(allocations == before);
    // Other sizes do allocate, which shows that the count works.
    framering::frame::resize_area(image.data(), {210, 160}, 3, out.data(), {83, 84}, path);
    CHECK(allocations > before);
  }
}
