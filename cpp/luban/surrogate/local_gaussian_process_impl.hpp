#pragma once

#include <memory>
#include <string>
#include <vector>

#include <luban/surrogate/detail/local_process.hpp>
#include <luban/surrogate/gaussian_process.hpp>

namespace luban::surrogate {

struct LocalGaussianProcess::Impl {
  features::Encoder encoder;
  std::vector<features::ResponseColumn> responses;
  std::string preset;
  ModelSpec model;
  Eigen::Index neighbours = 0;
  std::vector<std::shared_ptr<const detail::LocalProcess>> processes;  ///< (m)
  std::vector<FitReport> reports;                                      ///< (m)
};

}  // namespace luban::surrogate
