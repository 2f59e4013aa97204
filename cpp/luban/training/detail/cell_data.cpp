#include <luban/training/detail/cell_data.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include <luban/core/error.hpp>
#include <luban/features/cells.hpp>
#include <luban/features/robust_weights.hpp>

namespace luban::training::detail {

namespace {

/// Sets mean and scale of a column's values; a constant column scales by 1.
void standardise(Eigen::MatrixXd& z, surrogate::NetworkScaling& scaling) {
  scaling.input_mean = z.colwise().mean();
  z.rowwise() -= scaling.input_mean.transpose();
  scaling.input_scale = (z.colwise().squaredNorm() / static_cast<double>(z.rows())).cwiseSqrt().transpose();
  for (double& scale : scaling.input_scale) {
    if (!(scale > 1e-12)) scale = 1.0;
  }
  z.array().rowwise() /= scaling.input_scale.transpose().array();
}

/// Location and scale of one response over its readings, and what is common to the readings of a run.
void standardise_response(CellData& cells, Eigen::Index r, const features::ResponseColumn& response) {
  const Eigen::ArrayXd count = cells.count.col(r).array();
  const double readings = count.sum();
  if (!(readings > 0.0)) {
    throw core::DataError({.where = "training.fit_neural_ensemble",
                           .expected = "a usable reading of \"" + response.name + "\"",
                           .received = "none",
                           .place = {},
                           .hint = {}});
  }
  const double location = (count * cells.mean.col(r).array()).sum() / readings;
  const double between = (count * (cells.mean.col(r).array() - location).square()).sum();
  const double within = cells.squares.col(r).sum();
  const double scale = std::sqrt((between + within) / readings);
  cells.scaling.output_location(r) = location;
  cells.scaling.output_scale(r) = scale > 0.0 ? scale : 1.0;
  const double unit = cells.scaling.output_scale(r);
  cells.mean.col(r) = (count > 0.0).select((cells.mean.col(r).array() - location) / unit, 0.0);
  cells.squares.col(r) /= unit * unit;
}

}  // namespace

CellData cell_data(const features::Dataset& data) {
  const features::Cells cells = features::cells_of_readings(data);
  CellData out;
  const Eigen::Index u = cells.count();
  Eigen::MatrixXd X(u, data.p());
  out.group_labels = data.group_labels;
  for (Eigen::Index c = 0; c < u; ++c) {
    const Eigen::Index first = cells.order[static_cast<std::size_t>(cells.start[static_cast<std::size_t>(c)])];
    X.row(c) = data.X.row(first);
    out.group.push_back(data.group[static_cast<std::size_t>(data.run[static_cast<std::size_t>(first)])]);
  }
  out.z = data.encoder.one_hot(X);
  standardise(out.z, out.scaling);
  out.count = Eigen::MatrixXd::Zero(u, data.m());
  out.mean = out.count;
  out.squares = out.count;
  out.scaling.output_location = Eigen::VectorXd::Zero(data.m());
  out.scaling.output_scale = Eigen::VectorXd::Ones(data.m());
  out.scaling.between_share = Eigen::VectorXd::Ones(data.m());
  for (Eigen::Index r = 0; r < data.m(); ++r) {
    const Eigen::VectorXd weights = features::robust_weights(data, r);
    for (Eigen::Index c = 0; c < u; ++c) {
      const auto begin = static_cast<std::size_t>(cells.start[static_cast<std::size_t>(c)]);
      const auto end = static_cast<std::size_t>(cells.start[static_cast<std::size_t>(c) + 1]);
      double sum = 0.0;
      for (std::size_t k = begin; k < end; ++k) {
        const Eigen::Index reading = cells.order[k];
        if (!(weights(reading) > 0.0)) continue;
        out.count(c, r) += weights(reading);
        sum += weights(reading) * data.Y(reading, r);
      }
      if (!(out.count(c, r) > 0.0)) continue;
      out.mean(c, r) = sum / out.count(c, r);
      for (std::size_t k = begin; k < end; ++k) {
        const Eigen::Index reading = cells.order[k];
        if (weights(reading) > 0.0) {
          out.squares(c, r) += weights(reading) * std::pow(data.Y(reading, r) - out.mean(c, r), 2);
        }
      }
    }
    standardise_response(out, r, data.responses[static_cast<std::size_t>(r)]);
  }
  return out;
}

}  // namespace luban::training::detail
