#pragma once

#include <memory>

#include <luban/surrogate/surrogate.hpp>

namespace luban::evaluation::detail {

/// Whether there is a categorical input, so that a mean per combination says more than the mean of all.
[[nodiscard]] bool has_categories(const features::Encoder& encoder);

/// The mean of the training readings with the same categories (context, noise, categorical parameters), settings
/// ignored: what a table on the wall would say. A combination without readings gets the mean of all. Gross errors are
/// left out. @throws DataError when a response has no usable reading.
[[nodiscard]] std::shared_ptr<const surrogate::Surrogate> fit_context_mean(const features::Dataset& data);

}  // namespace luban::evaluation::detail
