# The trajectories of pacer_trajectories.csv as pacer.svg:   cd collectors/go && gnuplot pacer.gnuplot
set terminal svg size 1000,1150 font "sans,11" background "white" noenhanced
set output "pacer.svg"
set datafile separator ","
set multiplot layout 5,2 rowsfirst margins 0.05,0.94,0.03,0.92 spacing 0.12,0.04
set key at screen 0.5, screen 0.967 center center horizontal
set grid ytics lc rgb "#dddddd"
set tics nomirror
set yrange [0:*]
set y2range [0:1]
set y2tics 0.25

of(scenario, pacer, value) = strcol(1) eq scenario && strcol(2) eq pacer ? value : NaN
mib(n) = column(n) / 1048576.0
scenarios = "steady step jitter faster flood globals stacks limit limit_only thrash"

# By cycle: heaps of 1.20 in MiB on the left; on the right the collector's share of the processors while it marks.
do for [i = 1:words(scenarios)] {
  s = word(scenarios, i)
  set title s offset 0,-0.8
  plot "pacer_trajectories.csv" \
      using 3:(of(s, "1.20", mib(6))) with lines lw 2 lc rgb "#1b9e77" title "goal (MiB)", \
   "" using 3:(of(s, "1.20", mib(5))) with lines lw 1 lc rgb "#7570b3" title "trigger", \
   "" using 3:(of(s, "1.20", mib(7))) with points pt 7 ps 0.25 lc rgb "#222222" title "peak", \
   "" using 3:(of(s, "1.20", mib(4))) with lines lw 1 lc rgb "#999999" title "marked", \
   "" using 3:(of(s, "1.20", column(9))) axes x1y2 with lines lw 1 lc rgb "#d95f02" title "GC CPU (right)", \
   "" using 3:(of(s, "1.19", column(9))) axes x1y2 with lines lw 1 dt 3 lc rgb "#d95f02" title "pacer=1.19"
  unset key
}
unset multiplot
