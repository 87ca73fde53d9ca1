# SPDX-License-Identifier: MIT
"""The table of throughput as a picture, by gnuplot."""
import subprocess

WIDTH, HEIGHT = 1200, 520

COLOURS = ("#12707f", "#c8b18b", "#b9c3c9", "#d98e4a")  # Weir's first

SCRIPT = """
set terminal pngcairo size {width},{height} font "sans,11" noenhanced
set output "{path}"
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.9 border -1
set logscale y
set yrange [10:*]
set ylabel "MB/s, logarithmic"
set grid ytics
set xtics nomirror rotate by -20
set key top right horizontal
set rmargin 14
set title "{title}"
set datafile missing "-"
plot {columns}
"""


def draw(results, titles, path, title):
    """results: {scenario: {agent: (MB/s, ...)}}"""
    names = list(dict.fromkeys(name for figures in results.values() for name in figures))
    rows = [" ".join([f'"{titles[scenario]}"'] +
                     [f"{figures[name][0]:.1f}" if name in figures else "-" for name in names])
            for scenario, figures in results.items()]
    data = "$data << END\n" + "\n".join(rows) + "\nEND\n"
    columns = ", ".join(f'$data using {2 + i}:xtic(1) title "{name}" '
                        f'linecolor rgb "{COLOURS[i % len(COLOURS)]}"'
                        for i, name in enumerate(names))
    subprocess.run(["gnuplot"], check=True, text=True, input=data + SCRIPT.format(
        width=WIDTH, height=HEIGHT, path=path, title=title, columns=columns))
