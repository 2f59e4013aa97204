#pragma once

#include <memory>

#include <luban/surrogate/surrogate.hpp>

namespace luban::surrogate {

// Both leave gross errors out (features::robust_weights). @throws DataError when a response has fewer than two runs.

/// The mean of the training runs, with their spread: what every model must beat.
[[nodiscard]] LUBAN_SURROGATE_EXPORT std::shared_ptr<const Surrogate> fit_trivial(const features::Dataset& data);

struct RidgeOptions {
  bool quadratic = false;  ///< squares and products of the numeric inputs too
};

/// Ridge regression on the one-hot encoding, the penalty chosen by closed-form leave-one-out over runs.
[[nodiscard]] LUBAN_SURROGATE_EXPORT std::shared_ptr<const Surrogate> fit_ridge(const features::Dataset& data,
                                                                                const RidgeOptions& options = {});

}  // namespace luban::surrogate
