#pragma once

#include <string>
#include <vector>

#include <luban/surrogate/detail/fit_response.hpp>
#include <luban/surrogate/gaussian_process.hpp>

namespace luban::surrogate {

struct GaussianProcess::Impl {
  features::Encoder encoder;
  std::vector<features::ResponseColumn> responses;
  std::string preset;
  ModelSpec model;
  std::vector<detail::FittedResponse> fitted;  ///< (m)
  std::vector<FitReport> reports;              ///< (m), the same as in fitted
};

}  // namespace luban::surrogate
