package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

type finding struct {
	File   string   `json:"file"`
	OK     bool     `json:"ok"`
	Plan   string   `json:"plan,omitempty"`
	Errors []string `json:"errors,omitempty"`
}

func validateCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "validate FILE...", Short: "Find the mistakes in pipeline files before anything runs",
		Long: `Reads pipeline files as run does, checks every field of every part, and prints
each mistake as file:line:column with what is wrong and what to do. Nothing is
opened or connected to. Exits 2 if there is a mistake.`,
		Example: "  sluice validate pipeline.yaml\n  sluice validate --json pipelines/*.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, files []string) error {
			var all []finding
			bad := 0
			for _, f := range files {
				s, err := a.load(f)
				x := finding{File: f, OK: err == nil}
				if err != nil {
					bad++
					x.Errors = strings.Split(err.Error(), "\n")
				} else {
					x.Plan = components().Plan(s)
				}
				all = append(all, x)
			}
			err := a.print(all, func(w io.Writer) {
				for _, x := range all {
					for _, e := range x.Errors {
						fmt.Fprintln(w, e)
					}
					if x.OK {
						fmt.Fprintf(w, "%s: well (plan %s)\n", x.File, x.Plan)
					}
				}
			})
			if err == nil && bad > 0 {
				err = exit(exitUsage, fmt.Errorf("%d of %d files have mistakes", bad, len(files)))
			}
			return err
		},
	}
}
