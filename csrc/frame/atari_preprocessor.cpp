#include "frame/atari_preprocessor.hpp"

#include <algorithm>
#include <bit>

namespace framering::frame {

namespace {

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
      states_(static_cast<std::size_t>(options.screen.height)),
      ready_(std::bit_ceil(plan_.rows.most)),
      row_bytes_(ready_.size() * planes_ * width_),
      row_sums_(ready_.size() * planes_ * sums_count_),
      buffers_(plan_.rows.most),
      source_bytes_(plan_.rows.most),
      source_sums_(plan_.rows.most),
      output_planes_(planes_ * plan_.target_values() + ShrinkKernel::row_slack) {}

void AtariPreprocessor::process(const std::uint8_t* last, const std::uint8_t* previous,
                                std::uint8_t* out) {
  // The maximum of a screen with itself is the screen, in every order.
  colour_.keep(
      last, previous == nullptr ? last : previous, states_.size(), width_,
      {.last = kept_last_.data(), .previous = kept_previous_.data(), .states = states_.data()},
      !remembers_);
  remembers_ = true;
  std::ranges::fill(ready_, ReadyRow{});
  for (std::size_t y = 0; y < plan_.rows.spans.size(); ++y) {
    if (depends_on_changes(y)) {
      compute(y);
    }
  }
  std::copy_n(kept_output_.data(), options_.output_bytes(), out);
}

bool AtariPreprocessor::depends_on_changes(std::size_t y) const {
  const TapSpan& span = plan_.rows.spans[y];
  const std::uint8_t* states = states_.data() + span.source;
  unsigned any = 0;
  for (std::size_t i = 0; i < span.count; ++i) {
    any |= states[i];
  }
  return (any & row_changed) != 0;
}

void AtariPreprocessor::compute(std::size_t y) {
  const TapSpan& span = plan_.rows.spans[y];
  for (std::size_t i = 0; i < span.count; ++i) {
    const std::size_t row = span.source + i;
    const ReadyRow& here = place(row);
    buffers_[i] = here.row == row ? here.buffer : make_ready(row);
  }
  const std::size_t values = plan_.target_values();
  if (planes_ == 1) {
    finish_plane(y, 0, kept_output_.data() + y * values);
    return;
  }
  for (std::size_t plane = 0; plane < planes_; ++plane) {
    finish_plane(y, plane, output_planes_.data() + plane * values);
  }
  if (options_.grayscale) {
    colour_.luma_of_planes(output_planes_.data(), values, values, kept_output_.data() + y * values);
  } else {
    interleave(output_planes_.data(), values, values, kept_output_.data() + y * values * 3);
  }
}

void AtariPreprocessor::finish_plane(std::size_t y, std::size_t plane, std::uint8_t* out) {
  for (std::size_t i = 0; i < plan_.rows.spans[y].count; ++i) {
    source_bytes_[i] = bytes(buffers_[i], plane);
    source_sums_[i] = sums(buffers_[i], plane);
  }
  shrink_.finish_row(plan_, y, source_bytes_.data(), source_sums_.data(), scratch_, out);
}

std::size_t AtariPreprocessor::make_ready(std::size_t row) {
  ReadyRow& here = place(row);
  here.row = row;
  if ((states_[row] & row_repeats) != 0 && place(row - 1).row == row - 1) {
    here.buffer = place(row - 1).buffer;
    return here.buffer;
  }
  here.buffer = next_buffer_;
  next_buffer_ = (next_buffer_ + 1) & (ready_.size() - 1);
  const bool paired = (states_[row] & row_paired) != 0;
  colour_.colour_row(tables_, colouring_, kept_last_.data() + row * width_,
                     paired ? nullptr : kept_previous_.data() + row * width_, width_,
                     bytes(here.buffer, 0), width_);
  if (shrink_.sum_columns != nullptr) {
    for (std::size_t plane = 0; plane < planes_; ++plane) {
      shrink_.sum_columns(plan_, bytes(here.buffer, plane), sums(here.buffer, plane));
    }
  }
  return here.buffer;
}

}  // namespace framering::frame
