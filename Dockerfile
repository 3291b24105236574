# The collector. Build it with `docker compose build`, or alone:
#   docker build --build-arg REVISION=$(git rev-parse --short HEAD) -t gotrack:latest .

FROM node:26.10.0-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc nest-cli.json tsconfig.json tsconfig.build.json ./
RUN npm ci
COPY src src
COPY clients clients
RUN npm run build
ARG REVISION=unknown
RUN echo "$REVISION" > dist/revision.txt

# What runs, without what only builds and tests.
FROM node:26.10.0-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:26.10.0-slim
ENV NODE_ENV=production
# A volume that is first used takes its owner from here.
WORKDIR /data
RUN chown 10001:10001 .
VOLUME /data
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json gotrack ./
COPY config/production.env config/production.env
USER 10001:10001
EXPOSE 19890
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s CMD ["node", "dist/cli.js", "healthcheck"]
ENTRYPOINT ["node", "--disable-sigusr1", "dist/cli.js"]
CMD ["serve"]
