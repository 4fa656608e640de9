#include "frame/atari_preprocessor.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace framering::frame {

namespace {

constexpr std::size_t no_row = std::numeric_limits<std::size_t>::max();

void interleave(const std::uint8_t* planes, std::size_t stride, std::size_t width,
                std::uint8_t* out) {
  for (std::size_t i = 0; i < width; ++i) {
    out[3 * i] = planes[i];
    out[3 * i + 1] = planes[stride + i];
    out[3 * i + 2] = planes[2 * stride + i];
  }
}

}  // namespace

AtariPreprocessor::AtariPreprocessor(const PreprocessOptions& options, system::CpuPath path)
    : options_(options),
      colouring_(colouring_of(options)),
      planes_(plane_count(colouring_)),
      width_(static_cast<std::size_t>(options.screen.width)),
      tables_(colour_tables(options.palette)),
      colour_(colouring_kernel(width_, path)),
      plan_(plan_shrink(options.screen, options.output, 1)),
      shrink_(shrink_kernel(plan_, path)),
      scratch_(shrink_scratch(plan_)),
      sums_count_(shrink_.sums_count(plan_)),
      kept_last_(pixels(options.screen)),
      kept_previous_(pixels(options.screen)),
      kept_output_(options.output_bytes() + ShrinkKernel::row_slack),
      changed_(static_cast<std::size_t>(options.screen.height)),
      ready_(std::bit_ceil(plan_.rows.most), ReadyRow{no_row, 0}),
      row_bytes_(ready_.size() * planes_ * width_),
      row_sums_(ready_.size() * planes_ * sums_count_),
      buffers_(plan_.rows.most),
      source_bytes_(plan_.rows.most),
      source_sums_(plan_.rows.most),
      output_planes_(planes_ * plan_.target_values() + ShrinkKernel::row_slack) {}

void AtariPreprocessor::process(const std::uint8_t* last, const std::uint8_t* previous,
                                std::uint8_t* out) {
  // The maximum of a screen with itself is the screen, in every order.
  find_changes(last, previous == nullptr ? last : previous);
  std::fill(ready_.begin(), ready_.end(), ReadyRow{no_row, 0});
  for (std::size_t y = 0; y < static_cast<std::size_t>(options_.output.height); ++y) {
    if (depends_on_changes(y)) {
      compute(y);
    }
  }
  std::copy_n(kept_output_.data(), options_.output_bytes(), out);
}

void AtariPreprocessor::find_changes(const std::uint8_t* last, const std::uint8_t* previous) {
  if (!remembers_) {
    std::copy_n(last, kept_last_.size(), kept_last_.data());
    std::copy_n(previous, kept_previous_.size(), kept_previous_.data());
    std::fill(changed_.begin(), changed_.end(), std::uint8_t{1});
    remembers_ = true;
    return;
  }
  std::fill(changed_.begin(), changed_.end(), std::uint8_t{0});
  colour_.keep_changes(last, changed_.size(), width_, kept_last_.data(), changed_.data());
  colour_.keep_changes(previous, changed_.size(), width_, kept_previous_.data(), changed_.data());
}

bool AtariPreprocessor::depends_on_changes(std::size_t y) const {
  const std::uint8_t* first = changed_.data() + plan_.rows.first_source(y);
  return std::find(first, first + plan_.rows.count(y), 1) != first + plan_.rows.count(y);
}

void AtariPreprocessor::compute(std::size_t y) {
  for (std::size_t i = 0; i < plan_.rows.count(y); ++i) {
    buffers_[i] = ready(plan_.rows.first_source(y) + i);
  }
  const std::size_t values = plan_.target_values();
  if (planes_ == 1) {
    finish_planes(y, kept_output_.data() + y * values);
    return;
  }
  finish_planes(y, output_planes_.data());
  if (options_.grayscale) {
    colour_.luma_of_planes(output_planes_.data(), values, values, kept_output_.data() + y * values);
  } else {
    interleave(output_planes_.data(), values, values, kept_output_.data() + y * values * 3);
  }
}

void AtariPreprocessor::finish_planes(std::size_t y, std::uint8_t* out) {
  for (std::size_t plane = 0; plane < planes_; ++plane, out += plan_.target_values()) {
    for (std::size_t i = 0; i < plan_.rows.count(y); ++i) {
      source_bytes_[i] = bytes(buffers_[i], plane);
      source_sums_[i] = sums(buffers_[i], plane);
    }
    shrink_.finish_row(plan_, y, source_bytes_.data(), source_sums_.data(), scratch_, out);
  }
}

std::size_t AtariPreprocessor::ready(std::size_t row) {
  ReadyRow& place = ready_[row % ready_.size()];
  if (place.row == row) {
    return place.buffer;
  }
  if (repeats_row_above(row)) {
    place = {row, ready_[(row - 1) % ready_.size()].buffer};
    return place.buffer;
  }
  const std::size_t buffer = next_buffer_;
  next_buffer_ = (buffer + 1) % ready_.size();
  colour_.colour_row(tables_, colouring_, kept_last_.data() + row * width_,
                     kept_previous_.data() + row * width_, width_, bytes(buffer, 0), width_);
  if (shrink_.sum_columns != nullptr) {
    for (std::size_t plane = 0; plane < planes_; ++plane) {
      shrink_.sum_columns(plan_, bytes(buffer, plane), sums(buffer, plane));
    }
  }
  place = {row, buffer};
  return buffer;
}

bool AtariPreprocessor::repeats_row_above(std::size_t row) const {
  if (row == 0 || ready_[(row - 1) % ready_.size()].row != row - 1) {
    return false;
  }
  const auto repeats = [&](const std::vector<std::uint8_t>& screen) {
    const std::uint8_t* bytes = screen.data() + row * width_;
    return colour_.same_bytes(bytes, bytes - width_, width_);
  };
  return repeats(kept_last_) && repeats(kept_previous_);
}

}  // namespace framering::frame
